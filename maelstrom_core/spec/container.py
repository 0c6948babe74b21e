"""Containers as people write them: what is said, what is added, what is taken from a parent. Pure."""

from collections.abc import Collection, Mapping
from math import inf
from typing import Any

import attrs

from maelstrom_core.model.container import LEAST_CPU, MOST_GROUPS, Limits, Network
from maelstrom_core.settings.schema import LABEL_PATTERN, BadValue, label, size
from maelstrom_core.spec.commands import any_layer, commands_of, with_commands
from maelstrom_core.spec.environment import elements
from maelstrom_core.spec.mounts import mount
from maelstrom_core.spec.reading import (
    SIZE,
    Place,
    Reader,
    absolute,
    choice,
    flag,
    list_of,
    nearest,
    number_from,
    scalar,
    shape_of,
    shaped,
    table_of,
    text_of,
)

layer = any_layer(lambda: container_readers(), lambda *what, **how: said(*what, **how))
"""Reads one layer."""
LISTS: Mapping[str, Reader] = {
    "layers": list_of(layer),
    "environment": elements,
    "mounts": list_of(mount),
    "labels": list_of(scalar(label, {"type": "string", "pattern": LABEL_PATTERN})),
}
"""What a container adds to its parent's, with ``added_`` in front, or has instead of it."""


@shaped({"type": "number", "minimum": LEAST_CPU})
def _cpus(_: Place, value: object) -> float:
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not LEAST_CPU <= value < inf
    ):
        raise BadValue(f"how many CPUs, as a number of at least {LEAST_CPU}, such as 1.5")
    return float(value)


_LIMITS = table_of(
    {
        "pids": number_from(1),
        "cpu": _cpus,
        "cpu_seconds": number_from(1),
        "file_size": scalar(size, SIZE),
        "open_files": number_from(1),
        "memory": scalar(size, SIZE),
        "core_size": scalar(size, SIZE),
        "output": scalar(size, SIZE),
    }
)
HIGHEST_ID = (1 << 32) - 2
"""Of users and groups; the one above stands for none."""
_SIZES = {
    "file_size": "file_bytes",
    "memory": "memory_bytes",
    "core_size": "core_bytes",
    "output": "output_bytes",
}
_NETWORK = choice(*(kind.value for kind in Network))


@shaped(shape_of(_LIMITS))
def _limits(place: Place, value: object) -> Mapping[str, int | float]:
    return {_SIZES.get(key, key): limit for key, limit in _LIMITS(place, value).items()}


@shaped(shape_of(_NETWORK))
def _network(place: Place, value: object) -> Network:
    return Network(_NETWORK(place, value))


@shaped({"type": "integer", "minimum": 0, "maximum": HIGHEST_ID})
def _id(_: Place, value: object) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= HIGHEST_ID:  # type: ignore[operator]
        raise BadValue(f"a whole number from 0 to {HIGHEST_ID}")
    return value  # type: ignore[return-value]


@shaped({"type": "array", "items": shape_of(_id), "maxItems": MOST_GROUPS})
def _ids(place: Place, value: object) -> tuple[int, ...]:
    ids = place.items(value, _id)
    if len(ids) > MOST_GROUPS:
        place.fault(f"{len(ids)} groups; {MOST_GROUPS} at most can be had")
    return tuple(dict.fromkeys(ids))


SCALARS: Mapping[str, Reader] = {
    "network": _network,
    "enable_writable_file_system": flag,
    "capture_changes": flag,
    "working_directory": absolute,
    "user": _id,
    "group": _id,
    "supplementary_groups": _ids,
    "root_size": scalar(size, SIZE),
    "hostname": text_of,
    "limits": _limits,
    "capabilities": list_of(text_of),
    "seccomp": flag,
    "init": flag,
}
"""What a container has one of: its own if it says so, or else its parent's."""
INHERITABLE = (*LISTS, *SCALARS)
"""What ``use`` of a parent may name."""
IMAGE_PARTS = ("layers", "environment", "working_directory", "user")
"""What images have, and ``use`` of an image may name."""


@attrs.frozen(kw_only=True)
class Said:
    """What one table says of a container.

    :param parent: name of the container that it is made from; empty for none
    :param image: name of the image that it is made from; empty for none
    :param named: parts of the image that are wanted by name, and not just because all are
    :param use: what it takes from its parent; from its image, and from what goes with every image
    :param lists: by name; what it has of its own
    :param added: names of the lists that add to the parent's instead of replacing it
    :param scalars: by name
    """

    parent: str = ""
    image: str = ""
    named: frozenset[str] = frozenset()
    use: frozenset[str] = frozenset(INHERITABLE)
    lists: Mapping[str, tuple[Any, ...]] = attrs.field(factory=dict)
    added: frozenset[str] = frozenset()
    scalars: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def inherited(self) -> frozenset[str]:
        """What it takes from its parent, if it has one."""
        replaced = (set(self.lists) - self.added) | (set(self.scalars) - {"limits"})
        return self.use - replaced

    def augmented(self, more: "Said") -> "Said":
        """This with what a directive says on top; what came from the parent stays."""
        lists, kept = dict(self.lists), set(self.inherited)
        for name, value in more.lists.items():
            lists[name] = (*lists.get(name, ()), *value) if name in more.added else value
        scalars = {**self.scalars, **more.scalars}
        if "limits" in more.scalars:
            scalars["limits"] = {**self.scalars.get("limits", {}), **more.scalars["limits"]}
        return Said(
            parent=self.parent,
            image=self.image,
            named=self.named,
            use=frozenset(kept),
            lists=lists,
            added=frozenset(name for name in lists if name in kept),
            scalars=scalars,
        )


def said(place: Place, fields: Mapping[str, Any], *, is_directive: bool) -> Said:
    """What the fields of a table come to.

    :param fields: as they were read
    :param is_directive: it changes a container that there is already, so that it may always add
    """
    parent, use = fields.get("parent", ("", None))
    image, parts = fields.get("image", ("", None))
    if "parent" in fields and "image" in fields:
        place.key("image").fault("either image or parent: name a parent that has the image")
    above = "image" if image else "parent"
    named = use if parts is None else parts
    if parts is not None:
        # What goes with an image has a user as well, who stays if the image's is not wanted.
        use = parts | (frozenset(INHERITABLE) - set(IMAGE_PARTS)) | {"user"}
    lists, added = {}, set()
    for key in LISTS:
        extra = f"added_{key}"
        if key in fields and extra in fields:
            place.key(extra).fault(f"either {key} or {extra}")
        if extra in fields and not (parent or image or is_directive):
            place.key(extra).fault(f"there is no parent to add to: write {key}")
        if extra in fields and use is not None and key not in use:
            place.key(extra).fault(f"{above}.use does not name {key}: name it, or write {key}")
        if key in fields and named is not None and key in named:
            place.key(key).fault(f"{above}.use names {key} as well: write {extra} to have both")
        if extra in fields:
            added.add(key)
        if key in fields or extra in fields:
            lists[key] = fields.get(extra, fields.get(key))
    scalars = {key: fields[key] for key in SCALARS if key in fields}
    for key in scalars:
        if named is not None and key in named and key != "limits":
            place.key(key).fault(f"{above}.use names {key} as well: leave it out there")
    return Said(
        parent=parent,
        image=image,
        named=frozenset() if parts is None else parts,
        use=frozenset(INHERITABLE if use is None else use),
        lists=lists,
        added=frozenset(added),
        scalars=scalars,
    )


def _image_name(_: Place, value: object) -> str:
    if not isinstance(value, str):
        raise BadValue("the name of an image")
    from maelstrom_core.images.reference import BadReference, parse  # few name one

    try:
        parse(value)
    except BadReference as bad:
        raise BadValue(str(bad)) from None
    return value


def _one_of(parts: Collection[str]) -> Reader:
    """A reader of parts that ``use`` may name."""

    @shaped({"enum": list(parts)})
    def read(place: Place, value: object) -> str | None:
        if isinstance(value, str) and value in parts:
            return value
        place.fault(f"unknown {value!r}{nearest(str(value), parts)}")
        return None

    return read


_IMAGE = table_of(
    {"name": shaped({"type": "string"})(_image_name), "use": list_of(_one_of(IMAGE_PARTS))},
    needed=("name",),
)
_PARENT = table_of({"name": text_of, "use": list_of(_one_of(INHERITABLE))}, needed=("name",))


@shaped({"anyOf": [{"type": "string"}, shape_of(_IMAGE)]})
def _image(place: Place, value: object) -> tuple[str, frozenset[str] | None]:
    if not isinstance(value, str | Mapping) or not value:
        raise BadValue("the name of an image, or a table with name and use")
    if isinstance(value, str):
        return _image_name(place, value), None
    return _named(_IMAGE(place, value))


@shaped({"anyOf": [shape_of(text_of), shape_of(_PARENT)]})
def _parent(place: Place, value: object) -> tuple[str, frozenset[str] | None]:
    if not isinstance(value, str | Mapping) or not value:
        raise BadValue("the name of a container, or a table with name and use")
    if isinstance(value, str):
        return text_of(place, value), None
    return _named(_PARENT(place, value))


def _named(fields: Mapping[str, Any]) -> tuple[str, frozenset[str] | None]:
    """The name, and what ``use`` says; ``None`` for all."""
    use = fields.get("use")
    return fields.get("name", ""), None if use is None else frozenset(use)


def container_readers() -> Mapping[str, Reader]:
    """A reader for every key that a container's table may have."""
    return {
        "image": _image,
        "parent": _parent,
        **LISTS,
        **{f"added_{name}": reader for name, reader in LISTS.items()},
        **SCALARS,
    }


CONTAINER = table_of(container_readers())
"""Reads what a container's table says, key by key."""


@shaped({"type": "object", "additionalProperties": shape_of(CONTAINER)})
def containers(place: Place, value: object) -> Mapping[str, "Said"]:
    """Containers by name."""
    if not isinstance(value, Mapping):
        raise BadValue("a table of containers")
    found = {}
    for name, table in value.items():
        here = place.key(name)
        fields = here.read(CONTAINER, table)
        if fields is not None:
            found[name] = said(here, fields, is_directive=False)
    return found


def check_parents(place: Place, containers: Mapping[str, Said], given: Collection[str]) -> None:
    """Find parents that are not there, and containers that come from themselves.

    :param given: names of containers that there are without being written
    """
    for name, one in containers.items():
        here = place.key(name)
        if name in given:
            here.fault(f"{name} is there already: choose another name")
        check_parent(here, one, containers, given)
        circle = _circle(name, containers)
        # Told once: by the first of those that go round.
        if circle and name == min(circle):
            here.key("parent").fault(f"goes round in a circle: {' → '.join(circle)}")


def _circle(name: str, containers: Mapping[str, Said]) -> list[str]:
    """A shortest way from a container to itself by what it is made from; nothing if there is none."""
    ways, seen = [[name]], {name}
    for way in ways:
        for one in with_commands(containers[way[-1]]):
            if one.parent == name:
                return [*way, name]
            if one.parent in containers and one.parent not in seen:
                seen.add(one.parent)
                ways.append([*way, one.parent])
    return []


def check_parent(
    place: Place, one: Said, containers: Mapping[str, Said], given: Collection[str]
) -> None:
    """Find a parent that is not there; those of programs that make layers, too."""
    names = [*containers, *given]
    if one.parent and one.parent not in names:
        place.key("parent").fault(f"no container {one.parent}{nearest(one.parent, names)}")
    for command in commands_of(one):
        parent = command.container.parent
        if parent and parent not in names:
            here = attrs.evolve(place, path=command.path).key("parent")
            here.fault(f"no container {parent}{nearest(parent, names)}")


def limits_with(limits: Limits, more: Mapping[str, Any]) -> Limits:
    """Limits with some changed."""
    return attrs.evolve(limits, **more)
