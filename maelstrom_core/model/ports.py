"""What rooms and plugins agree on, as protocols. Pure."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias, runtime_checkable

from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import JobResult

OnOutput: TypeAlias = Callable[[int, bytes], None]
"""Called with stream (1 stdout, 2 stderr, 3 report) and bytes as they come."""


@runtime_checkable
class Backend(Protocol):
    """Where jobs go: this machine, a cluster, or what a plugin thinks of."""

    @property
    def slots(self) -> int:
        """How many one-slot jobs can run at once."""

    async def run(self, job: JobSpec, *, on_output: OnOutput | None = None) -> JobResult:
        """Run a job to its one ending.

        Never raises for what a job or a host does: that is in the result. Cancelling the call ends
        the job, and returns only when nothing of it is left.
        """


BackendOpener: TypeAlias = Callable[[], AbstractAsyncContextManager[Backend]]

__all__ = ["Backend", "BackendOpener", "OnOutput"]
