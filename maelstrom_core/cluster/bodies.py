"""Jobs without their containers, and results, as bytes that brokers pass on unread. Pure.

A job's body begins with a byte that says where the rest is: `HERE`, or `THERE` and then the digest of a
blob on the bulk link. Of a result its row says so (`Ending.STORED`).
"""

from typing import Any

import attrs

from maelstrom_core.cluster.positional import (
    Shape,
    digest,
    digest_back,
    fields_of,
    many,
    maybe,
    number,
    octets,
    one_of,
    pairs,
    real,
    record,
    seconds,
    signal,
    text,
    texts,
    truth,
    word,
)
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.job import JobSpec, TerminalSize
from maelstrom_core.model.limits import Limit, LimitHit
from maelstrom_core.model.outcome import (
    Cancelled,
    Captured,
    CouldNotStart,
    Exited,
    HostFailed,
    InputFailed,
    JobResult,
    LeftFile,
    OverLimit,
    RootChanges,
    Signaled,
    TimedOut,
    Usage,
    Whose,
)
from maelstrom_core.wire.codec import pack, unpack
from maelstrom_core.wire.rows import MOST_BODY_BYTES, MOST_SLOTS
from maelstrom_core.wire.shapes import BadMessage

HERE = b"\0"
THERE = b"\1"
MOST_BYTES = 256 << 20
"""Of one body, wherever it is: four times the longest report."""
_MOST_BYTES_LEFT = 1 << 50

_JOB = fields_of(
    JobSpec,
    "container",
    program=text,
    arguments=texts,
    label=text,
    timeout=maybe(seconds),
    fork=maybe(octets),
    report=truth,
    environment=pairs,
    working_directory=text,
    later_timeouts=many(maybe(seconds)),
    stack_signal=signal,
    grace=seconds,
    priority=number(-(1 << 31), 1 << 31),
    expected_duration=maybe(seconds),
    slots=number(1, MOST_SLOTS),
    output_bytes=number(0, _MOST_BYTES_LEFT),
    keep_output=truth,
    stdin=octets,
    outputs=texts,
    outputs_bytes=number(0, _MOST_BYTES_LEFT),
    attachable=truth,
    warm_up=truth,
    terminal=maybe(record(TerminalSize, rows=number(1, 65_535), columns=number(1, 65_535))),
    fault=text,
    viewed=truth,
)

_LIMIT_HIT = record(
    LimitHit, limit=word(Limit), allowed=real(1e19), by=text, where=text, certain=truth
)
_OUTCOME = one_of(
    (Exited, record(Exited, code=number(0, 255))),
    (Signaled, record(Signaled, signal=signal, core_dumped=truth)),
    (OverLimit, record(OverLimit, hit=_LIMIT_HIT, signal=signal)),
    (TimedOut, record(TimedOut, seconds=seconds, killed=truth)),
    (
        CouldNotStart,
        record(
            CouldNotStart,
            step=text,
            call=text,
            errno=number(0, 1 << 16),
            cause=text,
            remedy=text,
            whose=word(Whose),
        ),
    ),
    (HostFailed, record(HostFailed, reason=text, remedy=text)),
    (InputFailed, record(InputFailed, faults=texts)),
    (Cancelled, record(Cancelled, reason=text, ran=truth)),
)
_CAPTURED = record(Captured, head=octets, tail=octets, total_bytes=number())
_USAGE = record(
    Usage,
    wall_seconds=seconds,
    user_seconds=seconds,
    system_seconds=seconds,
    peak_memory_bytes=number(),
)
_LEFT_FILE = record(LeftFile, path=text, mode=number(0, 0o7777), data=octets)
_RESULT: Shape[JobResult] = record(
    JobResult,
    outcome=_OUTCOME,
    usage=_USAGE,
    report=octets,
    stdout=_CAPTURED,
    stderr=_CAPTURED,
    degraded=texts,
    not_forked=text,
    seen=text,
    limits_hit=many(_LIMIT_HIT),
    outputs=many(_LEFT_FILE),
    outputs_missing=texts,
    changes=maybe(record(RootChanges, layer=digest, entries=number(), size_bytes=number())),
    changes_missing=text,
    broken_off=truth,
    left_running=number(),
    left_commands=texts,
)


@attrs.frozen
class Elsewhere:
    """A body that is too long for a message: a blob on the bulk link."""

    digest: Digest
    data: bytes


def job_bytes(job: JobSpec) -> bytes:
    """All of a job but its container."""
    return pack(_JOB.out(job))


def job_of(data: bytes, container: ContainerSpec) -> JobSpec:
    """The job again.

    :raises BadMessage: whatever is wrong with the bytes
    """
    return JobSpec(container=container, **_JOB.back(_unpacked(data)))


def result_bytes(result: JobResult) -> bytes:
    """All of a result."""
    return pack(_RESULT.out(result))


def result_of(data: bytes) -> JobResult:
    """The result again.

    :raises BadMessage: whatever is wrong with the bytes
    """
    return _RESULT.back(_unpacked(data))


def _unpacked(data: bytes) -> list[Any]:
    if len(data) > MOST_BYTES:
        raise BadMessage(f"{len(data)} bytes are too many")
    return unpack(data)


def body_of_job(data: bytes) -> tuple[bytes, Elsewhere | None]:
    """What travels in a row for these bytes, and what has to be stored elsewhere before."""
    if len(data) < MOST_BODY_BYTES:
        return HERE + data, None
    there = Elsewhere(Digest.of(data), data)
    return THERE + bytes.fromhex(there.digest.hex), there


def read_body(body: bytes) -> bytes | Digest:
    """The bytes of a job, or the digest of the blob that they are.

    :raises BadMessage: if it is neither
    """
    if body[:1] == HERE:
        return body[1:]
    if body[:1] == THERE:
        return digest_back(body[1:])
    raise BadMessage(f"a body that begins with {body[:1]!r}")
