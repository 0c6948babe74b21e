"""How jobs are shown: whole when they have ended, live in lines, or as JSON events."""

from typing import Protocol

import trio

from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.left_running import left_words
from maelstrom_core.model.outcome import Captured, Exited, JobResult, describe, limits_met
from maelstrom_core.model.ports import OnOutput
from maelstrom_run import event_plan
from maelstrom_run.files import Kept
from maelstrom_run.lines_plan import PrefixedLines
from maelstrom_run.screen import Screen

STDOUT, STDERR = 1, 2
_WELL = Exited(0)


class Presenter(Protocol):
    """What is told of a run."""

    async def given(self, number: int, job: JobSpec) -> None:
        """A job was read."""

    def on_output(self, number: int, job: JobSpec) -> OnOutput | None:
        """Who is to be told of what a job writes, as it does."""

    async def ended(self, number: int, job: JobSpec, result: JobResult, kept: Kept) -> None:
        """A job has ended."""

    async def fault(self, text: str) -> None:
        """Something that was read is no job."""

    async def note(self, text: str) -> None:
        """Something that people should know of."""

    async def flow(self) -> None:
        """Show what jobs write, as they do, for ever."""

    async def over(self, *, jobs: int, failed: int, faults: int) -> None:
        """Everything has ended."""


class Whole:
    """Shows all of a job at once when it has ended: its output as it is, what went wrong in words."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    async def given(self, number: int, job: JobSpec) -> None:
        """Nothing is shown of it yet."""

    def on_output(self, number: int, job: JobSpec) -> OnOutput | None:
        """Nobody; it is in the result."""
        del number, job
        return None

    async def ended(self, number: int, job: JobSpec, result: JobResult, kept: Kept) -> None:
        """Show it."""
        silent = not (result.stdout.total_bytes or result.stderr.total_bytes or kept.faults)
        if silent and result.outcome == _WELL:
            return  # as of most jobs, where there are thousands
        words = _in_words(name_of(number, job), result, kept)
        out, error = _whole(result.stdout), _whole(result.stderr)
        await self._screen.write(out, error + said(words))

    async def fault(self, text: str) -> None:
        """Say it."""
        await self._screen.write(b"", said([text]))

    async def note(self, text: str) -> None:
        """Say it."""
        await self._screen.write(b"", said([text]))

    async def flow(self) -> None:
        """Nothing is shown as it is written."""
        await trio.sleep_forever()

    async def over(self, *, jobs: int, failed: int, faults: int) -> None:
        """Say how many failed, if any did."""
        del faults
        if failed and jobs > 1:
            await self._screen.write(b"", said([f"{failed} of {jobs} jobs failed"]))


class Live(Whole):
    """Shows lines as soon as they are written, each with its job's name in front."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen)
        self._pending: dict[int, dict[int, bytearray]] = {}
        self._lines: dict[int, dict[int, PrefixedLines]] = {}
        self._anything = trio.Event()

    def on_output(self, number: int, job: JobSpec) -> OnOutput | None:
        """Gather lines for `flow`."""
        prefix = f"{job.label or number}| ".encode("utf-8", "replace")
        lines = {STDOUT: PrefixedLines(prefix), STDERR: PrefixedLines(prefix)}
        pending = {STDOUT: bytearray(), STDERR: bytearray()}
        self._lines[number], self._pending[number] = lines, pending

        def take(stream: int, data: bytes) -> None:
            if stream in lines:
                pending[stream] += lines[stream].take(data)
                self._anything.set()

        return take

    async def flow(self) -> None:
        """Write what has been gathered, for ever."""
        while True:
            await self._anything.wait()
            self._anything = trio.Event()
            for pending in list(self._pending.values()):
                await self._write(pending)

    async def _write(self, pending: dict[int, bytearray]) -> None:
        out, error = bytes(pending[STDOUT]), bytes(pending[STDERR])
        pending[STDOUT].clear()
        pending[STDERR].clear()
        await self._screen.write(out, error)

    async def ended(self, number: int, job: JobSpec, result: JobResult, kept: Kept) -> None:
        """Show what is left of it."""
        pending, lines = self._pending.pop(number), self._lines.pop(number)
        for stream, one in lines.items():
            pending[stream] += one.end()
        pending[STDERR] += said(_in_words(name_of(number, job), result, kept))
        await self._write(pending)


class Events:
    """Says everything as JSON, one event a line.

    :param live: what jobs write, too, as they do
    """

    def __init__(self, screen: Screen, *, live: bool) -> None:
        self._screen = screen
        self._is_live = live
        self._pending: dict[int, bytearray] = {}
        self._anything = trio.Event()

    async def given(self, number: int, job: JobSpec) -> None:
        """Say it."""
        await self._screen.write(event_plan.given(number, job))

    def on_output(self, number: int, job: JobSpec) -> OnOutput | None:
        """Gather events for `flow`."""
        del job
        if not self._is_live:
            return None
        pending = self._pending[number] = bytearray()

        def take(stream: int, data: bytes) -> None:
            if stream in event_plan.STREAMS:
                pending.extend(event_plan.output(number, stream, data))
                self._anything.set()

        return take

    async def flow(self) -> None:
        """Write what has been gathered, for ever."""
        while True:
            await self._anything.wait()
            self._anything = trio.Event()
            for pending in list(self._pending.values()):
                data = bytes(pending)
                pending.clear()
                await self._screen.write(data)

    async def ended(self, number: int, job: JobSpec, result: JobResult, kept: Kept) -> None:
        """Say it."""
        before = bytes(self._pending.pop(number, b""))
        text = event_plan.ended(
            number,
            job,
            result,
            kept.places,
            kept.faults,
            changes=kept.changes,
            with_streams=not self._is_live,
        )
        await self._screen.write(before + text)

    async def fault(self, text: str) -> None:
        """Say it."""
        await self._screen.write(event_plan.line("fault", words=text), said([text]))

    async def note(self, text: str) -> None:
        """Nothing: events of jobs have it."""

    async def over(self, *, jobs: int, failed: int, faults: int) -> None:
        """Say it."""
        await self._screen.write(event_plan.line("over", jobs=jobs, failed=failed, faults=faults))


def name_of(number: int, job: JobSpec) -> str:
    """What a job is called in words to people."""
    return f"job {number}" + (f" ({job.label})" if job.label else "")


def said(lines: list[str]) -> bytes:
    """Words of ours, for standard error."""
    text = "".join(f"maelstrom-run: {line}\n" for line in lines)
    return text.encode("utf-8", "backslashreplace")


def _in_words(name: str, result: JobResult, kept: Kept) -> list[str]:
    words = [] if result.outcome == _WELL else [describe(result.outcome)]
    words += limits_met(result)
    words += [left_words(result.left_running, result.left_commands)] if result.left_running else []
    for stream, written in (("output", result.stdout), ("error", result.stderr)):
        if written.omitted_bytes:
            words.append(
                f"{written.omitted_bytes} bytes in the middle of its standard {stream} were left "
                "out; --inline-limit says how much is kept"
            )
    return [f"{name}: {one}" for one in (*words, *kept.faults)]


def _whole(written: Captured) -> bytes:
    if written.omitted_bytes:
        gap = f"\n[… {written.omitted_bytes} bytes omitted …]\n".encode()
        return written.head + gap + written.tail
    return written.head + written.tail
