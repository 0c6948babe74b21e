"""Jobs as people write them: a container's keys, and what is run in it. Pure.

One table is a *document*: containers by name, and either jobs in a list or one job's own keys.
"""

from collections.abc import Collection, Mapping
from typing import Any

from maelstrom_core.settings.schema import BadValue, seconds, size
from maelstrom_core.spec.container import container_readers, containers
from maelstrom_core.spec.reading import (
    SECONDS,
    SIZE,
    Place,
    Reader,
    list_of,
    number_from,
    one_or_more,
    scalar,
    shape_of,
    shaped,
    table_of,
    table_shape,
    text_of,
)

LONGEST_PRIORITY = 127
"""Of those in files of the Rust Maelstrom; and as far below 0, one more."""


@shaped({"type": "string"})
def argument(_: Place, value: object) -> str:
    """Any text without NUL, the empty one too."""
    if not isinstance(value, str) or "\0" in value:
        raise BadValue("a text")
    return value


@shaped({"type": "integer", "minimum": -LONGEST_PRIORITY - 1, "maximum": LONGEST_PRIORITY})
def _priority(_: Place, value: object) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if not is_number or not -LONGEST_PRIORITY - 1 <= value <= LONGEST_PRIORITY:  # type: ignore[operator]
        raise BadValue(f"a whole number from {-LONGEST_PRIORITY - 1} to {LONGEST_PRIORITY}")
    return value  # type: ignore[return-value]


@shaped(SECONDS)
def _timeout(_: Place, value: object) -> tuple[float | None]:
    # Wrapped, since no limit is something that was said.
    return (seconds(value),)


_STDIN_FILE = table_of({"file": text_of}, needed=("file",))


@shaped({"anyOf": [shape_of(argument), shape_of(_STDIN_FILE)]})
def _stdin(place: Place, value: object) -> str | Mapping[str, str]:
    """A text, or ``file`` and its path."""
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping):
        raise BadValue("a text, or a table with file")
    fields: Mapping[str, str] = _STDIN_FILE(place, value)
    return fields


@shaped({"anyOf": [{"type": "boolean"}, {"type": "object"}]})
def _allocate_tty(_: Place, value: object) -> bool:
    """Whether; what the Rust Maelstrom has in its table is this program's to know."""
    if not isinstance(value, bool | Mapping):
        raise BadValue("true or false")
    return value is not False


KEYS: Mapping[str, Reader] = {
    "program": text_of,
    "arguments": list_of(argument),
    "label": text_of,
    "timeout": _timeout,
    "priority": _priority,
    "expected_duration": scalar(seconds, SECONDS),
    "estimated_duration": scalar(seconds, SECONDS),
    "slots": number_from(1),
    "stdin": _stdin,
    "outputs": one_or_more(text_of),
    "outputs_size": scalar(size, SIZE),
    "allocate_tty": _allocate_tty,
}
"""A reader for every key that a job has besides those of its container."""
DOCUMENT = frozenset(("containers", "jobs"))
"""What a table has that is no job itself."""


def job_readers() -> Mapping[str, Reader]:
    """A reader for every key that a job's table may have."""
    return {**KEYS, **container_readers()}


def document_shape() -> Mapping[str, Any]:
    """What a document may be, as JSON Schema."""
    keys = job_readers()
    one = table_shape({**keys, "containers": containers})
    # Without a program it runs what its image says, which it may have from its parent.
    said = [{"required": [name]} for name in ("program", "image", "parent")]
    job = {**table_shape(keys), "anyOf": said}
    properties = {**one["properties"], "jobs": {"type": "array", "items": job}}
    # Whoever gives the program on the command line may leave it out.
    alone = {"not": {"anyOf": [{"required": [name]} for name in keys]}}
    return {**one, "properties": properties, "dependentSchemas": {"jobs": alone}}


def split(table: Mapping[str, Any], keys: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A table in two: what has these keys, and the rest."""
    these: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name, value in table.items():
        (these if name in keys else others)[name] = value
    return these, others
