"""Has histories of cases written and looked up by a thread, one thing after the other."""

import time
from collections.abc import Callable
from functools import partial

import trio

from maelstrom_broker.effects import Learn, Recall
from maelstrom_broker.events import Recalled
from maelstrom_broker.history_file import HistoryFile

MOST_WAITING = 64
"""What may wait for the disk; more of it is not kept, or not known."""
LAST_WORDS_SECONDS = 2.0
"""How long, at the end, what clients have told may take to get to the disk."""


class Remembering:
    """One file's thread, and what waits for it.

    :param answer: told what was to be looked up
    """

    def __init__(self, file: HistoryFile, answer: Callable[[Recalled], None]) -> None:
        self._file = file
        self._answer = answer
        self._put, self._take = trio.open_memory_channel[Learn | Recall](MOST_WAITING)

    def soon(self, wanted: Learn | Recall) -> Recalled | None:
        """Do it when it is its turn.

        :return: the answer at once, if there is no room for a question
        """
        try:
            self._put.send_nowait(wanted)
        except (trio.WouldBlock, trio.ClosedResourceError):
            if isinstance(wanted, Recall):
                return Recalled(wanted.session, wanted.request, ())
        return None

    async def run(self) -> None:
        """Do what is wanted, until `finish`."""
        async for wanted in self._take:
            now = time.time()
            match wanted:
                case Learn(owner, project, cases):
                    await trio.to_thread.run_sync(
                        partial(self._file.learn, owner, project, cases, now=now)
                    )
                case Recall(session, owner, request, project, plan):
                    found = await trio.to_thread.run_sync(
                        partial(self._file.recall, owner, project, plan, now=now)
                    )
                    self._answer(Recalled(session, request, found))

    def finish(self) -> None:
        """Nothing more is wanted: `run` ends when all of it is done."""
        self._put.close()
