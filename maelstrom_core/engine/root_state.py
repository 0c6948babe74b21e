"""Containers of an engine whose layers are there, or being made. Pure; a part of its machine."""

import enum

from maelstrom_core.model.ids import JobId


class RootState(enum.Enum):
    """How far a container's layers are."""

    MAKING = enum.auto()
    READY = enum.auto()


class Roots:
    """All of them, and the jobs that wait for those that are being made."""

    def __init__(self) -> None:
        self._states: dict[str, RootState] = {}
        self._waiting: dict[str, list[JobId]] = {}

    def want(self, root: str, job: JobId) -> RootState | None:
        """A job is to be run in one; unless that is ready, it waits.

        :return: how far it was; ``None`` if it has to be made now
        """
        state = self._states.get(root)
        if state is None:
            self._states[root] = RootState.MAKING
        if state is not RootState.READY:
            self._waiting.setdefault(root, []).append(job)
        return state

    def ready(self, root: str) -> list[JobId]:
        """It is made; the jobs that have waited."""
        self._states[root] = RootState.READY
        return self._waiting.pop(root, [])

    def failed(self, root: str) -> list[JobId]:
        """It cannot be made; the jobs that have waited. A later job tries again."""
        self._states.pop(root, None)
        return self._waiting.pop(root, [])

    def forget(self, root: str) -> bool:
        """Let go of one that is ready; whether it was."""
        if self._states.get(root) is not RootState.READY:
            return False
        del self._states[root]
        return True

    def jobs_that_wait(self) -> set[JobId]:
        """Jobs whose container is being made."""
        return {job for jobs in self._waiting.values() for job in jobs}

    def check(self) -> None:
        """Assert what must always hold."""
        for root, state in self._states.items():
            assert (state is RootState.MAKING) == (root in self._waiting)
