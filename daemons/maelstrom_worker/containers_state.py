"""Containers that a worker has been told of, and whether what is in them is here. Pure.

A broker tells of a container once for each connection, so what it has told is remembered, as many as it
takes a worker to remember, and twice that. What is in a container is brought when its first job comes,
and let go of when many others have been used since its last.
"""

from collections.abc import Mapping
from itertools import islice

import attrs

from maelstrom_worker.effects import Effect, Forget, MakeReady, Read
from maelstrom_worker.events import Key

MOST_KNOWN = 8_192
MOST_KNOWN_BYTES = 64 << 20
"""As they travel; a broker tells of half as much before it tells of the first ones again."""
MOST_IDLE = 64
"""Containers without a job in which all is here."""


@attrs.define
class _Container:
    size: int
    is_ready: bool = False
    is_being_made: bool = False
    had_room_made: bool = False
    """For what is brought now."""
    why_not: str = ""
    jobs: set[Key] = attrs.field(factory=set)
    """That have not ended."""


class Containers:
    """All containers of a worker, least recently used first."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Container] = {}
        self._bytes = 0
        self._idle: dict[bytes, None] = {}
        """Those that are ready and have no job, least recently used first."""
        self._stayed: dict[bytes, bytes] = {}
        """By the runs of jobs that have ended, and whose containers have not."""

    def came(self, digest: bytes, data: bytes) -> list[Effect]:
        """The broker has told of one."""
        known = self._known.pop(digest, None)
        self._known[digest] = known or _Container(len(data))
        if known is not None:
            return []
        self._bytes += len(data)
        return [*self._forget_old(), Read(digest, data)]

    def _forget_old(self) -> list[Effect]:
        doomed: list[bytes] = []
        for digest, container in islice(self._known.items(), len(self._known) - 1):
            if len(self._known) - len(doomed) <= MOST_KNOWN and self._bytes <= MOST_KNOWN_BYTES:
                break
            if not container.jobs and not container.is_being_made:
                doomed.append(digest)
                self._bytes -= container.size
        for digest in doomed:
            del self._known[digest]
            self._idle.pop(digest, None)
        return [Forget(digest, for_good=True) for digest in doomed]

    def fault_of(self, digest: bytes) -> str:
        """Why no job can be run in it here; empty if one can."""
        container = self._known.get(digest)
        if container is None:
            return "the broker has not said what its container is"
        return container.why_not

    def used_by(self, digest: bytes, key: Key) -> list[Effect] | None:
        """A job is to be run in it.

        :return: ``None`` if it can begin, for all is here; else what is to be done
        """
        container = self._known[digest] = self._known.pop(digest)
        container.jobs.add(key)
        self._idle.pop(digest, None)
        if container.is_ready:
            return None
        if container.is_being_made:
            return []
        container.is_being_made = True
        # One that is let go of now makes room for what comes.
        return [*self._let_go(), MakeReady(digest)]

    def has_all(self, digest: bytes) -> bool:
        """Whether all that is in it is here."""
        return self._known[digest].is_ready

    def not_used_by(self, digest: bytes, key: Key) -> None:
        """That job has ended."""
        container = self._known[digest]
        container.jobs.discard(key)
        if container.is_ready and not container.jobs:
            self._idle[digest] = None

    def stays(self, digest: bytes, run: bytes) -> None:
        """A job in it ends, and what is in it is needed for longer."""
        self._known[digest].jobs.add((run, 0))
        self._stayed[run] = digest

    def is_over(self, run: bytes) -> None:
        """Nothing is left of what has stayed."""
        self.not_used_by(self._stayed.pop(run), (run, 0))

    def _let_go(self) -> list[Effect]:
        return self._forget_idle(list(self._idle)[: max(0, len(self._idle) - MOST_IDLE)])

    def _forget_idle(self, old: list[bytes]) -> list[Effect]:
        for digest in old:
            del self._idle[digest]
            self._known[digest].is_ready = False
        return [Forget(digest, for_good=False) for digest in old]

    def is_unreadable(self, digest: bytes, why: str) -> None:
        """It cannot be used here, and will not be."""
        self._known[digest].why_not = why

    def is_ready(self, digest: bytes) -> list[Key]:
        """All that is in it is here; jobs that wait for that."""
        container = self._known[digest]
        container.is_ready, container.is_being_made = True, False
        container.had_room_made = False
        if not container.jobs:
            self._idle[digest] = None
        return sorted(container.jobs)

    def is_not_ready(self, digest: bytes) -> list[Key]:
        """What is in it cannot be had for now; jobs that wait for that."""
        container = self._known[digest]
        container.is_being_made = container.had_room_made = False
        return sorted(container.jobs)

    def has_no_room(self, digest: bytes) -> list[Effect]:
        """The disk is full: all that no job needs is let go of, and what is in it is brought again.

        :return: nothing if that was of no use
        """
        container = self._known[digest]
        if container.had_room_made or not container.jobs:
            return []
        container.had_room_made = True
        return [*self._forget_idle(list(self._idle)), MakeReady(digest, make_room=True)]

    def check(self, jobs: Mapping[Key, tuple[bytes, bool | None]]) -> None:
        """What always holds; for tests.

        :param jobs: all that have not ended, with their container and whether they run; ``None`` of
            those that wait for slots
        """
        assert self._bytes == sum(one.size for one in self._known.values())
        stayed = {(run, 0): digest for run, digest in self._stayed.items()}
        assert all(key in self._known[digest].jobs for key, digest in stayed.items())
        used = {key for one in self._known.values() for key in one.jobs}
        assert used == set(jobs) | set(stayed)
        for key, (digest, runs) in jobs.items():
            container = self._known[digest]
            assert key in container.jobs
            if runs is None:
                assert container.is_ready or container.is_being_made
            else:
                assert container.is_ready if runs else container.is_being_made
            assert container.is_being_made or not container.had_room_made
        for digest, container in self._known.items():
            assert (digest in self._idle) == (container.is_ready and not container.jobs)
