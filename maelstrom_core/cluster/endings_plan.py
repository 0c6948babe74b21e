"""A job as its broker needs to see it, and what a broker's endings mean for people. Pure."""

import attrs

from maelstrom_core.cluster.bodies import result_of
from maelstrom_core.cluster.positional import digest_back
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import (
    Cancelled,
    HostFailed,
    InputFailed,
    JobResult,
    Outcome,
)
from maelstrom_core.wire.rows import (
    MOST_SLOTS,
    UNKNOWN_ESTIMATE,
    Ending,
    JobResultRow,
    SubmittedJob,
)
from maelstrom_core.wire.shapes import MOST_WHOLE, BadMessage

_PRIORITIES = range(-128, 128)


def row_of(tag: int, job: JobSpec, body: bytes) -> SubmittedJob:
    """What the broker is told of a job; what it cannot count so far is the nearest that it can."""
    priority = max(_PRIORITIES[0], min(job.priority, _PRIORITIES[-1]))
    estimate = UNKNOWN_ESTIMATE
    if job.expected_duration is not None:
        estimate = min(MOST_WHOLE, max(0, round(job.expected_duration * 1000)))
    return SubmittedJob(tag, priority, estimate, min(job.slots, MOST_SLOTS), body)


def result_of_row(row: JobResultRow, reason: str) -> JobResult | Digest:
    """What has come of a job; or the digest of the blob in which that is written.

    :param reason: why it was cancelled, if it was
    """
    who = f"worker {row.worker}" if row.worker else "a worker"
    match row.ending:
        case Ending.RAN:
            return read_result(row.body, who)
        case Ending.STORED:
            try:
                return digest_back(row.body)
            except BadMessage as fault:
                return _failed(f"{who} has sent a result that cannot be read: {fault}")
        case Ending.CANCELLED:
            return JobResult(outcome=Cancelled(reason, ran=row.attempts > 0))
        case Ending.UNFIT:
            return _failed(f"{who} could not run it: {_text(row.body)}")
        case Ending.LOST:
            times = "once" if row.attempts == 1 else f"{row.attempts} times"
            reason = f"it was begun {times}, and each time its worker was lost: {_text(row.body)}"
            return _failed(
                reason, "if it takes its workers down, run it alone and with less memory"
            )
        case Ending.REFUSED:
            return _result(InputFailed((f"no worker can run it: {_text(row.body)}",)))
        case _:
            return _failed(f"{who} tells of an ending that this program does not know")


def read_result(data: bytes, who: str) -> JobResult:
    """A result as a worker has written it; or that it cannot be read."""
    try:
        result = result_of(data)
        if isinstance(result.outcome, HostFailed):
            # "This host" is another one than the reader's.
            reason = f"{who}: {result.outcome.reason}"
            result = attrs.evolve(result, outcome=HostFailed(reason, result.outcome.remedy))
        return result
    except BadMessage as fault:
        return _failed(f"{who} has sent a result that cannot be read: {fault}")


def _text(body: bytes) -> str:
    found = body[:4096].decode("utf-8", "replace").strip()
    return "".join(c if c.isprintable() else " " for c in found) or "it does not say why"


def _failed(reason: str, remedy: str = "") -> JobResult:
    return _result(HostFailed(reason, remedy))


def _result(outcome: Outcome) -> JobResult:
    return JobResult(outcome=outcome)
