"""Layers that programs make, as people write them: ``command``, and keys of its container. Pure.

What reads a container's keys is passed in: containers have layers, and such a layer has a container.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from maelstrom_core.settings.schema import BadValue, seconds
from maelstrom_core.spec.layers import KINDS, layer
from maelstrom_core.spec.reading import (
    SECONDS,
    Place,
    Reader,
    flag,
    one_or_more,
    shape_of,
    shaped,
    table_shape,
)

if TYPE_CHECKING:
    from maelstrom_core.spec.container import Said

DEFAULT_TIMEOUT = 3600.0
"""Of commands that say nothing of it: a program that waits for ever is told of, in the end."""
REFERENCE = {"$ref": "#/$defs/command_layer"}
"""To what such a layer may be; it has layers itself."""


@attrs.frozen(kw_only=True)
class SaidCommand:
    """What a layer says that a program makes.

    :param path: its place in the file
    :param command: program and arguments
    :param timeout: seconds; ``None`` for no limit
    :param container: what it says of the container that it is run in; without parent and image, the rest
        is that of the container that has the layer, and of its layers those below
    :param project: it sees the project's files, if its container has them
    """

    path: str
    command: tuple[str, ...]
    timeout: float | None
    container: "Said"
    project: bool = True


@shaped({"type": "string"})
def _text(_: Place, value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise BadValue("a text")
    return value


@shaped(SECONDS)
def _timeout(_: Place, value: object) -> tuple[float | None]:
    # Wrapped, since no limit is something that was said.
    return (seconds(value),)


_OWN: Mapping[str, Reader] = {
    "command": one_or_more(_text),
    "timeout": _timeout,
    "project": flag,
}


def any_layer(
    container_readers: Callable[[], Mapping[str, Reader]], said: Callable[..., "Said"]
) -> Reader:
    """A reader of layers of every kind.

    :param container_readers: readers of all keys of a container
    :param said: what those come to
    """

    @shaped({"oneOf": [*shape_of(layer)["oneOf"], REFERENCE]})  # type: ignore[index]
    def read(place: Place, value: object) -> Any:
        if not isinstance(value, Mapping) or "command" not in value:
            return layer(place, value)
        told = [name for name in KINDS if name in value]
        if told:
            place.fault(f"{' and '.join(['command', *told])}: a layer is of one kind")
            return None
        before = len(place.faults)
        readers = {**_OWN, **_without_root(container_readers())}
        fields = place.fields(value, readers)
        command = fields.get("command", ())
        if "command" in fields and not (command and command[0]):
            place.key("command").fault("a program is missing")
        container = said(place, fields, is_directive=not {"parent", "image"} & set(fields))
        if len(place.faults) > before:
            return None
        (timeout,) = fields.get("timeout", (DEFAULT_TIMEOUT,))
        return SaidCommand(
            path=place.path,
            command=command,
            timeout=timeout,
            container=container,
            project=fields.get("project", True),
        )

    return read


def command_shape(container_readers: Mapping[str, Reader]) -> Mapping[str, Any]:
    """What such a layer may be, as JSON Schema."""
    readers = {**_OWN, **_without_root(container_readers)}
    return table_shape(readers, needed=("command",))


def _without_root(readers: Mapping[str, Reader]) -> Mapping[str, Reader]:
    # Its root is always writable: what is written there is what it is run for.
    always = ("enable_writable_file_system", "capture_changes")
    return {name: one for name, one in readers.items() if name not in always}


def with_commands(container: "Said") -> Iterator["Said"]:
    """A container, and those in which programs are run that make its layers."""
    yield container
    for one in container.lists.get("layers", ()):
        if isinstance(one, SaidCommand):
            yield from with_commands(one.container)


def commands_of(container: "Said") -> Iterator[SaidCommand]:
    """Layers of a container that programs make, and those of theirs."""
    for one in container.lists.get("layers", ()):
        if isinstance(one, SaidCommand):
            yield one
            yield from commands_of(one.container)
