"""What ``--json`` says: one object a line. Pure."""

import base64
import json
import re
from enum import Enum
from typing import Any

import attrs

from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import JobResult, Outcome, describe

STREAMS = {1: "stdout", 2: "stderr"}


def line(event: str, **fields: Any) -> bytes:
    """An event."""
    text = json.dumps({"event": event, **fields}, ensure_ascii=False)
    # Names of files need not be UTF-8, and events are.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def given(number: int, job: JobSpec) -> bytes:
    """A job was read, and waits for a slot."""
    program = [job.program, *job.arguments]
    return line("given", job=number, label=job.label, command=program)


def output(number: int, stream: int, data: bytes) -> bytes:
    """A job wrote something."""
    return line("output", job=number, **_bytes(STREAMS[stream], data))


def ended(
    number: int,
    job: JobSpec,
    result: JobResult,
    files: dict[str, str],
    faults: list[str],
    *,
    changes: str = "",
    with_streams: bool,
) -> bytes:
    """A job has ended.

    :param files: what it left: its own names, and where they are now
    :param faults: what was not kept of that, and why
    :param changes: where what it has changed is now
    :param with_streams: and what it wrote
    """
    written: dict[str, Any] = {}
    for name, captured in (("stdout", result.stdout), ("stderr", result.stderr)):
        if not with_streams:
            continue
        if captured.omitted_bytes:
            written |= _bytes(name, captured.head)
            written |= _bytes(f"{name}_end", captured.tail)
            written[f"{name}_omitted_bytes"] = captured.omitted_bytes
        else:
            written |= _bytes(name, captured.head + captured.tail)
    limits = [
        {**attrs.asdict(hit, value_serializer=_plain_field), "words": hit.note()}
        for hit in result.limits_hit
    ]
    return line(
        "ended",
        job=number,
        label=job.label,
        outcome=outcome(result.outcome),
        **written,
        usage=attrs.asdict(result.usage),
        **({"degraded": result.degraded} if result.degraded else {}),
        **({"limits_hit": limits} if limits else {}),
        **({"left_running": result.left_running} if result.left_running else {}),
        **({"left_commands": result.left_commands} if result.left_commands else {}),
        **({"outputs": files} if files else {}),
        **({"outputs_missing": faults} if faults else {}),
        **_changes(result, changes),
    )


def _changes(result: JobResult, path: str) -> dict[str, Any]:
    """What it has changed in its root, if that comes back; or why it does not."""
    if result.changes is None:
        return {"changes_missing": result.changes_missing} if result.changes_missing else {}
    changes = result.changes
    told = {"layer": str(changes.layer), "entries": changes.entries, "bytes": changes.size_bytes}
    return {"changes": {**told, **({"path": path} if path else {})}}


def outcome(ending: Outcome) -> dict[str, Any]:
    """An ending: its kind, what is known of it, and words for people."""
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(ending).__name__).lower()
    known = attrs.asdict(ending, value_serializer=_plain_field)
    return {"kind": kind, **known, "words": describe(ending)}


def _plain_field(_: Any, __: Any, value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _bytes(name: str, data: bytes) -> dict[str, str]:
    """Bytes as a text, if they are one."""
    try:
        return {name: data.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data).decode()}
