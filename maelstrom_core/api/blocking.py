"""The same without trio: calls that return when a job has ended.

The engine lives in a thread of its own; calls hand it jobs and wait. `Runner.run` may be called from
several threads at once.
"""

import os
import queue
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

import trio

from maelstrom_core.api.runner import AnyJob, AsyncRunner, ChangesForm, Ended, open_runner
from maelstrom_core.errors import InputError
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import JobResult
from maelstrom_core.model.ports import OnOutput
from maelstrom_core.spec.jobs_plan import PlannedJob


class Runner:
    """A context in which jobs are run; see `maelstrom_core.api.runner.open_runner`.

    :param project_directory: what relative paths in layers, binds and ``stdin`` are relative to
    :param slots: how many jobs run at once
    :param store: directory in which layers are kept
    :param environment: what ``$env{…}`` looks up; this process's variables by default
    """

    def __init__(
        self,
        *,
        project_directory: str | os.PathLike[str] = ".",
        slots: int | None = None,
        store: str | os.PathLike[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._open = partial(
            open_runner,
            project_directory=project_directory,
            slots=slots,
            store=store,
            environment=environment,
        )
        self._thread: threading.Thread | None = None
        self._inside: _Inside | None = None

    def __enter__(self) -> "Runner":
        ready: Future[_Inside] = Future()
        self._thread = threading.Thread(
            target=trio.run, args=(self._live, ready), name="maelstrom", daemon=True
        )
        self._thread.start()
        try:
            self._inside = ready.result()
        except Exception:
            self._thread.join()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._inside is not None
        assert self._thread is not None
        with suppress(trio.RunFinishedError):
            self._inside.soon(self._inside.over.set)
        self._thread.join()
        self._inside = None

    async def _live(self, ready: "Future[_Inside]") -> None:
        """What the thread does."""
        try:
            async with self._open() as runner, trio.open_nursery() as nursery:
                inside = _Inside(runner, nursery)
                ready.set_result(inside)
                await inside.over.wait()
                nursery.cancel_scope.cancel()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)

    @property
    def slots(self) -> int:
        """How many one-slot jobs run at once."""
        return self._here.runner.slots

    def run(self, job: AnyJob, *, on_output: OnOutput | None = None) -> JobResult:
        """Run a job to its one ending.

        Never raises for what a job does: that is in the result. Ctrl-C meanwhile ends the job.

        :param on_output: called, in the engine's thread, with 1 (stdout) or 2 (stderr) and bytes as
            they come; it must be quick
        :raises InputError: if the job is not written as it must be
        """
        ended: Future[JobResult] = Future()

        def tell(_: JobSpec | None, result: JobResult | Exception) -> None:
            if isinstance(result, JobResult):
                ended.set_result(result)
            else:
                ended.set_exception(result)

        started = self._here.start(self._here.runner.taken(job), tell, on_output)
        try:
            return ended.result()
        except BaseException:
            self._here.stop([started])
            raise

    def write_changes(
        self, result: JobResult, path: str | os.PathLike[str], *, form: ChangesForm | None = None
    ) -> tuple[str, ...]:
        """Write down what a job has changed; see `AsyncRunner.write_changes`."""
        return self._here.ask(partial(self._here.runner.write_changes, result, path, form=form))

    def run_all(self, jobs: Iterable[AnyJob]) -> Iterator[Ended]:
        """Run many jobs; they are given in the order in which they end.

        No more than a hundred jobs, or twice the slots, are known at once, so there may be any number
        of them. Closing the generator, and Ctrl-C within it, end all jobs.

        :param jobs: taken as slots become free, in the thread that asks for what has ended
        :raises InputError: for a job that is not written as it must be; all others are ended
        """
        inside = self._here
        ended = queue.SimpleQueue[tuple[int, JobSpec | None, JobResult | Exception]]()
        running: dict[int, trio.CancelScope] = {}

        def taken() -> Ended:
            number, job, result = ended.get()
            del running[number]
            if job is None or isinstance(result, Exception):
                assert isinstance(result, Exception)
                raise result
            return Ended(number=number, job=job, result=result)

        try:
            for number, written in enumerate(jobs, start=1):
                while len(running) >= inside.runner.read_ahead:
                    yield taken()
                planned = inside.runner.taken(written)
                running[number] = inside.start(planned, _teller(ended, number))
                while not ended.empty():
                    yield taken()
            while running:
                yield taken()
        finally:
            inside.stop(list(running.values()))

    @property
    def _here(self) -> "_Inside":
        if self._inside is None:
            raise RuntimeError("a Runner runs jobs within its context: with Runner() as runner: …")
        return self._inside


_Answer = TypeVar("_Answer")
_Tell = Callable[[JobSpec | None, JobResult | Exception], None]
"""Told how a job has ended; or, without a job, why it could not be run."""


def _teller(
    ended: "queue.SimpleQueue[tuple[int, JobSpec | None, JobResult | Exception]]", number: int
) -> _Tell:
    return lambda job, result: ended.put((number, job, result))


class _Inside:
    """What is in the thread, and how it is asked."""

    def __init__(self, runner: AsyncRunner, nursery: trio.Nursery) -> None:
        self.runner = runner
        self.over = trio.Event()
        self._nursery = nursery
        self._token = trio.lowlevel.current_trio_token()

    def soon(self, ask: Callable[..., object], *arguments: Any) -> None:
        """Have something done in the thread."""
        self._token.run_sync_soon(ask, *arguments)

    def ask(self, call: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Have something done in the thread, and wait for it."""
        return trio.from_thread.run(call, trio_token=self._token)

    def start(
        self, job: PlannedJob, tell: _Tell, on_output: OnOutput | None = None
    ) -> trio.CancelScope:
        """Start a job, when its image is there; what ends it early."""
        scope = trio.CancelScope()
        self.soon(self._nursery.start_soon, self._run, job, tell, on_output, scope)
        return scope

    async def _run(
        self,
        planned: PlannedJob,
        tell: _Tell,
        on_output: OnOutput | None,
        scope: trio.CancelScope,
    ) -> None:
        with scope:
            try:
                job = await self.runner.finished(planned)
                result = await self.runner.run(job, on_output=on_output)
            except InputError as error:
                tell(None, error)
            except trio.Cancelled:
                # Whoever waits in another thread while the context is left must not wait for ever.
                tell(None, RuntimeError("the Runner was closed before the job had ended"))
                raise
            else:
                tell(job, result)

    def stop(self, scopes: list[trio.CancelScope]) -> None:
        """End jobs soon."""
        with suppress(trio.RunFinishedError):
            for scope in scopes:
                self.soon(scope.cancel)
