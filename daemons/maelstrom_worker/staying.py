"""Containers that have stayed on this worker after their jobs: how many may, and how they end. For trio.

They take no slot, but memory, so there are few of them. What is in a container stays in the store for as
long as one does.
"""

from collections.abc import Callable

from maelstrom_core.settings.host import available_memory
from maelstrom_worker.terminals import JobAtTerminal

MOST_STAYED = 32
"""On one worker."""
MOST_STAYED_OF_ONE = 20
"""Of one client: as many as it would keep at home."""
LEAST_MEMORY_BYTES = 512 << 20
"""Of the machine, that must be available when one more stays."""


def why_not_stay(of_all: int, of_client: int, memory_bytes: int | None) -> str:
    """Why no container more may stay; empty if one may.

    :param of_all: how many have
    :param of_client: and how many of the client that wants another
    :param memory_bytes: available; ``None`` if the machine does not say
    """
    if of_client >= MOST_STAYED_OF_ONE:
        return f"its worker keeps {of_client} of yours already"
    if of_all >= MOST_STAYED:
        return f"its worker keeps {of_all} already"
    if memory_bytes is not None and memory_bytes < LEAST_MEMORY_BYTES:
        return f"its worker has {memory_bytes >> 20} MiB of memory left"
    return ""


class Stayed:
    """All of them, by the names of their jobs' runs.

    :param is_over: told of the run when nothing of one is left
    """

    def __init__(self, is_over: Callable[[bytes], None]) -> None:
        self._is_over = is_over
        self._by_run: dict[bytes, JobAtTerminal] = {}

    def why_not(self, session: bytes) -> str:
        """Why no container more of a client may stay; empty if one may."""
        there = [one for one in self._by_run.values() if one.is_staying]
        of_client = sum(one.key[0] == session for one in there)
        return why_not_stay(len(there), of_client, available_memory())

    def of(self, session: bytes, tag: int, run: bytes) -> JobAtTerminal | None:
        """The terminal of one, for whom its job was."""
        found = self._by_run.get(run)
        return found if found is not None and found.key == (session, tag) else None

    async def keep(self, terminal: JobAtTerminal) -> None:
        """Keep one for as long as somebody wants to look at it."""
        self._by_run[terminal.run] = terminal
        try:
            await terminal.until_gone()
        finally:
            terminal.close()
            del self._by_run[terminal.run]
            self._is_over(terminal.run)

    def send_again(self) -> None:
        """There is a new link: what went over the last one may be lost."""
        for terminal in self._by_run.values():
            terminal.send_again()

    def leave(self) -> None:
        """The worker stops, and they end with it."""
        for terminal in self._by_run.values():
            terminal.leave()
