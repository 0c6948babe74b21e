"""One job as it comes from a broker: read, run by the engine, its result packed. For trio."""

import json
from collections.abc import Iterator
from typing import TypeAlias

import attrs

from maelstrom_core.cluster.blobs import Fetches
from maelstrom_core.cluster.bodies import MOST_BYTES, job_of, read_body, result_bytes
from maelstrom_core.cluster.containers import why_local
from maelstrom_core.errors import MaelstromError
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import (
    Captured,
    Exited,
    HostFailed,
    JobResult,
    RootChanges,
    describe,
)
from maelstrom_core.model.ports import Backend, KeepsChanges, OnOutput, Viewer
from maelstrom_core.wire.rows import MOST_BODY_BYTES, MOST_FAULT, MOST_TAIL_BYTES, Ending, RunJob
from maelstrom_core.wire.shapes import BadMessage
from maelstrom_worker.live_state import LiveOutput

MOST_OUTPUT_BYTES = 64 << 20
"""Of each stream of a job, as far as it is kept; it is memory of the worker."""


EndingOfJob: TypeAlias = tuple[int, bytes, tuple[str, bytes]]
_TOLD = b'{"kind": "told"'


class Unfit(Exception):
    """A job that cannot be run here; the text says why, for people."""


async def read_job(row: RunJob, container: ContainerSpec, blobs: Fetches) -> JobSpec:
    """The job of a row.

    :raises Unfit: if it cannot be had, or cannot be run on this machine
    """
    try:
        body = read_body(row.body)
        if isinstance(body, Digest):
            body = await blobs.get(body, MOST_BYTES)
        job = job_of(body, container)
    except BadMessage as fault:
        raise Unfit(f"it cannot be read: {fault}") from None
    except MaelstromError as error:
        raise Unfit(f"it cannot be had: {error.message}") from None
    why = why_local(job)
    if why:
        raise Unfit(f"only its client's machine can run it: {why}")
    if max(job.output_bytes, job.outputs_bytes) > MOST_OUTPUT_BYTES:
        limit = MOST_OUTPUT_BYTES >> 20
        raise Unfit(f"more than {limit} MiB of its output or files are to be kept")
    return attrs.evolve(job, slots=row.slots)


@attrs.frozen
class Heard:
    """What takes a job's output as it comes, and hears that it begins; see `TellsBeginnings`."""

    live: LiveOutput

    def __call__(self, stream: int, data: bytes) -> None:
        """It has written this."""
        self.live.add(stream, data)

    def began(self) -> None:
        """Its program runs."""
        self.live.began()


async def run_job(
    job: JobSpec,
    backend: Backend,
    blobs: Fetches,
    on_output: OnOutput,
    viewer: Viewer | None = None,
) -> EndingOfJob:
    """Run it to its end.

    :param viewer: of its terminal, if it may have one
    :return: one of `Ending`, its body, and what is told to people who look at the cluster
    """
    result = await backend.run(job, on_output=on_output, viewer=viewer)
    if result.changes is not None:
        result = await _with_changes(result, result.changes, backend, blobs)
    ending, body = await _packed(result, blobs)
    return ending, body, told_of(result)


def told_of(result: JobResult) -> tuple[str, bytes]:
    """What went wrong, in a few words, and the end of what the job has written; see `DoneJob`."""
    if result.outcome == Exited(0):
        return "", b""
    fault = describe(result.outcome).encode("utf-8", "replace").decode()
    # What was written to both is shown one after the other, as reports of tests do.
    written = [stream.tail or stream.head for stream in (result.stdout, result.stderr)]
    tail = b"\n".join(filter(None, [*written, *_told_in(result.report)]))
    return fault[:MOST_FAULT], tail[-MOST_TAIL_BYTES:]


def _told_in(report: bytes) -> Iterator[bytes]:
    """What a runner says to people who look at the cluster, who do not know its reports: lines of JSON
    with the kind ``told`` and a text. A job may say there what it likes, as it may print what it likes.
    """
    if _TOLD not in report:
        return
    for line in report.splitlines():
        if line.startswith(_TOLD):
            try:
                text = json.loads(line)["text"]
            except (ValueError, LookupError, RecursionError):
                continue
            yield str(text).encode("utf-8", "replace")


async def _packed(result: JobResult, blobs: Fetches) -> tuple[int, bytes]:
    data = result_bytes(result)
    if len(data) <= MOST_BODY_BYTES:
        return Ending.RAN, data
    digest = Digest.of(data)
    try:
        if len(data) > MOST_BYTES:
            raise MaelstromError(f"it has {len(data)} bytes")
        await blobs.put(digest, data)
    except MaelstromError as error:
        return Ending.RAN, result_bytes(_without_its_result(result, error))
    return Ending.STORED, bytes.fromhex(digest.hex)


async def _with_changes(
    result: JobResult, changes: RootChanges, backend: Backend, blobs: Fetches
) -> JobResult:
    """What it has changed in its root goes to the broker, for its client."""
    try:
        await blobs.put_layers([changes.layer], again=True)
    except (MaelstromError, OSError) as error:
        why = f"they cannot be brought to the broker: {error}"
        return attrs.evolve(result, changes=None, changes_missing=why)
    finally:
        if isinstance(backend, KeepsChanges):
            backend.let_go(changes)
    return result


def _without_its_result(result: JobResult, error: MaelstromError) -> JobResult:
    """What is left to be told when the broker cannot take all of it."""
    reason = f"the job has run, and its result cannot be brought to the broker: {error.message}"
    return JobResult(
        outcome=HostFailed(reason, error.remedy),
        stdout=_beginning(result.stdout),
        stderr=_beginning(result.stderr),
        usage=result.usage,
    )


def _beginning(captured: Captured) -> Captured:
    return Captured(head=captured.head[:4096], total_bytes=captured.total_bytes)
