"""Mounts as people write them: tables whose kind is told by ``type``. Pure."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from maelstrom_core.model.container import (
    DEVICES,
    Bind,
    Devices,
    Devpts,
    Mount,
    Mqueue,
    Proc,
    Sys,
    Tmp,
)
from maelstrom_core.settings.schema import BadValue, size
from maelstrom_core.spec.reading import (
    SIZE,
    Place,
    Reader,
    flag,
    list_of,
    nearest,
    scalar,
    shaped,
    table_shape,
    text_of,
)


@shaped({"type": "string", "pattern": "^/+[^/]"})
def mount_point(_: Place, value: object) -> str:
    """Where in the container; trailing slashes do not matter."""
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        raise BadValue("an absolute path")
    path = "/" + os.path.normpath(value).lstrip("/")
    if path == "/":
        raise BadValue("a path below /")
    return path


@shaped({"enum": [*DEVICES, "shm"]})
def _device(_: Place, value: object) -> str:
    # shm, pts and mqueue are always there, its own.
    if value not in (*DEVICES, "shm"):
        raise BadValue(f"one of {', '.join((*DEVICES, 'shm'))}")
    return str(value)


@shaped({"type": "string", "pattern": "^[0-7]{1,5}$"})
def _mode(_: Place, value: object) -> int:
    if isinstance(value, str) and value and set(value) <= set("01234567") and len(value) <= 5:
        return int(value, 8)
    raise BadValue('permission bits as a text, such as "1777"')


@attrs.frozen
class MountKind:
    """One kind of mount.

    :param readers: of every key but ``type``
    :param needed: keys that must be there
    :param make: the mount of what was read
    """

    readers: Mapping[str, Reader]
    needed: tuple[str, ...]
    make: Callable[[Mapping[str, Any]], Mount]


def _bind(fields: Mapping[str, Any]) -> Mount:
    # Writable by default, as files written for the Rust Maelstrom expect.
    return Bind(
        source=fields["local_path"],
        target=fields["mount_point"],
        read_only=fields.get("read_only", False),
    )


def _tmp(fields: Mapping[str, Any]) -> Mount:
    mount = Tmp(target=fields["mount_point"])
    chosen = {"size_bytes": fields.get("size"), "mode": fields.get("mode")}
    return attrs.evolve(mount, **{k: v for k, v in chosen.items() if v is not None})


def _devices(fields: Mapping[str, Any]) -> Mount:
    mount = Devices(target=fields.get("mount_point", "/dev"))
    if "devices" in fields:
        names = tuple(name for name in fields["devices"] if name != "shm")
        mount = attrs.evolve(mount, names=names)
    return attrs.evolve(mount, shm_bytes=fields["shm_size"]) if "shm_size" in fields else mount


_HERE: Mapping[str, Reader] = {"mount_point": mount_point}
KINDS: Mapping[str, MountKind] = {
    "bind": MountKind(
        {**_HERE, "local_path": text_of, "read_only": flag}, ("mount_point", "local_path"), _bind
    ),
    "tmp": MountKind({**_HERE, "size": scalar(size, SIZE), "mode": _mode}, ("mount_point",), _tmp),
    "proc": MountKind(_HERE, ("mount_point",), lambda fields: Proc(target=fields["mount_point"])),
    "sys": MountKind(_HERE, ("mount_point",), lambda fields: Sys(target=fields["mount_point"])),
    "devices": MountKind(
        {**_HERE, "devices": list_of(_device), "shm_size": scalar(size, SIZE)}, (), _devices
    ),
    "devpts": MountKind(
        _HERE, ("mount_point",), lambda fields: Devpts(target=fields["mount_point"])
    ),
    "mqueue": MountKind(
        _HERE, ("mount_point",), lambda fields: Mqueue(target=fields["mount_point"])
    ),
}
"""Every type of mount."""


def _shape_of_kind(name: str, kind: MountKind) -> dict[str, Any]:
    shape = dict(table_shape(kind.readers, needed=("type", *kind.needed)))
    return {**shape, "properties": {"type": {"const": name}, **shape["properties"]}}


@shaped({"type": "object", "oneOf": [_shape_of_kind(name, kind) for name, kind in KINDS.items()]})
def mount(place: Place, value: object) -> Mount | None:
    """One mount."""
    if not isinstance(value, Mapping):
        raise BadValue("a table with a type")
    written = value.get("type")
    if not isinstance(written, str) or written not in KINDS:
        hint = nearest(written, KINDS) if isinstance(written, str) else ""
        hint = hint if "did you mean" in hint else ""
        shown = "" if "type" not in value else f", not {written!r}"
        place.key("type").fault(f"expected one of {', '.join(KINDS)}{shown}{hint}")
        return None
    kind = KINDS[written]
    readers = {"type": text_of, **kind.readers}
    fields = place.fields(value, readers, needed=kind.needed)
    return kind.make(fields) if set(kind.needed) <= set(fields) else None
