"""Layers of files as people write them: tables whose kind is told by a key. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from maelstrom_core.model.layers import (
    GlobLayer,
    HostTreeLayer,
    LayerSpec,
    PathsLayer,
    Prefix,
    SharedLibrariesLayer,
    StubsLayer,
    Symlink,
    SymlinksLayer,
    TarLayer,
)
from maelstrom_core.settings.schema import BadValue
from maelstrom_core.spec.reading import (
    Place,
    Reader,
    absolute,
    flag,
    list_of,
    nearest,
    one_or_more,
    shape_of,
    shaped,
    table_of,
    table_shape,
    text_of,
)
from maelstrom_core.spec.templates import braces, path, pattern

Fields = Mapping[str, Any]
PREFIX: Mapping[str, Reader] = {
    "follow_symlinks": flag,
    "canonicalize": flag,
    "strip_prefix": path(text_of),
    "prepend_prefix": path(text_of),
}
"""Options of layers whose paths are the host's, in the order in which they take effect."""


@attrs.frozen
class LayerKind:
    """One kind of layer.

    :param reader: of the key that tells the kind
    :param options: readers of the other keys that it may have
    :param make: the layer of what was read
    """

    reader: Reader
    options: Mapping[str, Reader]
    make: Callable[[Fields], LayerSpec]


def _prefix(fields: Fields) -> Prefix:
    return Prefix(
        follow_symlinks=fields.get("follow_symlinks", False),
        canonicalize=fields.get("canonicalize", False),
        strip=fields.get("strip_prefix", ""),
        prepend=fields.get("prepend_prefix", ""),
    )


@shaped(shape_of(text_of))
def _below_root(place: Place, value: object) -> str:
    """A path of the container; one that is relative lies below /."""
    text: str = text_of(place, value)
    return text if text.startswith("/") else f"/{text}"


_SYMLINK = table_of({"link": path(_below_root), "target": path(text_of)}, needed=("link", "target"))


@shaped(shape_of(_SYMLINK))
def _symlink(place: Place, value: object) -> Symlink:
    fields = _SYMLINK(place, value)
    return Symlink(fields.get("link", ""), fields.get("target", ""))


@shaped({"type": "string", "minLength": 1, "pattern": "^[^/]"})
def _relative(place: Place, value: object) -> str:
    """A pattern of paths that are relative to the root of the walk."""
    text = text_of(place, value)
    if text.startswith("/"):
        place.fault(
            "a pattern is relative to root, so this one fits nothing: name the directory as root"
        )
    return text


def _glob(fields: Fields) -> LayerSpec:
    return GlobLayer(
        globs=fields["glob"],
        root=fields.get("root", "."),
        exclude=fields.get("exclude", ()),
        gitignore=fields.get("gitignore", False),
        prefix=_prefix(fields),
    )


def _paths(fields: Fields) -> LayerSpec:
    optional = fields.get("optional", False)
    return PathsLayer(paths=fields["paths"], prefix=_prefix(fields), optional=optional)


KINDS: Mapping[str, LayerKind] = {
    "tar": LayerKind(path(text_of), {}, lambda fields: TarLayer(tar=fields["tar"])),
    "glob": LayerKind(
        one_or_more(pattern(_relative)),
        {
            "root": path(text_of),
            "exclude": one_or_more(pattern(_relative)),
            "gitignore": flag,
            **PREFIX,
        },
        _glob,
    ),
    "paths": LayerKind(list_of(path(text_of)), {"optional": flag, **PREFIX}, _paths),
    "stubs": LayerKind(
        list_of(braces(_below_root)), {}, lambda fields: StubsLayer(stubs=fields["stubs"])
    ),
    "symlinks": LayerKind(
        list_of(_symlink), {}, lambda fields: SymlinksLayer(symlinks=fields["symlinks"])
    ),
    "shared_library_dependencies": LayerKind(
        list_of(path(text_of)),
        PREFIX,
        lambda fields: SharedLibrariesLayer(
            binaries=fields["shared_library_dependencies"], prefix=_prefix(fields)
        ),
    ),
    "host_tree": LayerKind(
        path(absolute),
        {"target": path(absolute)},
        lambda fields: HostTreeLayer(path=fields["host_tree"], target=fields.get("target", "")),
    ),
}
"""Every kind of layer that is made of files, by the key that tells it."""
NAMES = (*KINDS, "command")
"""Every kind of layer; for the last see `maelstrom_core.spec.commands`."""


@shaped(
    {
        "type": "object",
        "oneOf": [
            table_shape({name: kind.reader, **kind.options}, needed=(name,))
            for name, kind in KINDS.items()
        ],
    }
)
def layer(place: Place, value: object) -> LayerSpec | None:
    """One layer."""
    if not isinstance(value, Mapping):
        raise BadValue(f"a table with one of {', '.join(NAMES)}")
    told = [name for name in KINDS if name in value]
    if len(told) > 1:
        place.fault(f"{' and '.join(told)}: a layer is of one kind")
        return None
    if not told:
        near = [f"{name}{nearest(str(name), NAMES)}" for name in value]
        told_by = f": {near[0]}" if near else f"; known: {', '.join(NAMES)}"
        place.fault(f"no kind of layer{told_by}")
        return None
    kind = KINDS[told[0]]
    fields = place.fields(value, {told[0]: kind.reader, **kind.options})
    return kind.make(fields) if told[0] in fields else None
