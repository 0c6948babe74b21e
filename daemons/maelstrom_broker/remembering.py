"""Has what is kept on the disk written and looked up by a thread, one thing after the other."""

import time
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import attrs
import trio

from maelstrom_broker.effects import KeepRun, Learn, Recall
from maelstrom_broker.events import Recalled
from maelstrom_broker.history_file import HistoryFile
from maelstrom_broker.runs_file import Drawn, KeptRun, RunsFile

MOST_WAITING = 64
"""What may wait for the disk; more of it is not kept, or not known."""
LAST_WORDS_SECONDS = 2.0
"""How long, at the end, what clients have told may take to get to the disk."""


@attrs.frozen
class Draw:
    """Keep what is drawn on the page.

    :param since: seconds since 1970, from which on samples and pieces are of use
    """

    drawn: Drawn
    since: tuple[float, float]


Wanted: TypeAlias = Learn | Recall | KeepRun | Draw


class Remembering:
    """The files' thread, and what waits for it.

    :param file: what clients have told of cases; ``None`` if nothing of it is kept
    :param answer: told what was to be looked up
    :param runs: that are over; ``None`` if nothing of them is kept
    """

    def __init__(
        self,
        file: HistoryFile | None,
        answer: Callable[[Recalled], None],
        runs: RunsFile | None = None,
    ) -> None:
        self._file = file
        self._runs = runs
        self._answer = answer
        self._put, self._take = trio.open_memory_channel[Wanted](MOST_WAITING)

    def soon(self, wanted: Wanted) -> Recalled | None:
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
                case Learn(owner, project, cases) if self._file is not None:
                    await trio.to_thread.run_sync(
                        partial(self._file.learn, owner, project, cases, now=now)
                    )
                case Recall(session, owner, request, project, plan) if self._file is not None:
                    found = await trio.to_thread.run_sync(
                        partial(self._file.recall, owner, project, plan, now=now)
                    )
                    self._answer(Recalled(session, request, found))
                case KeepRun(owner, session, told, asked_for) if self._runs is not None:
                    run = KeptRun(session, now, told)
                    await trio.to_thread.run_sync(self._runs.keep, owner, run, asked_for)
                case Draw(drawn, since) if self._runs is not None:
                    await trio.to_thread.run_sync(partial(self._runs.draw, drawn, since=since))

    def finish(self) -> None:
        """Nothing more is wanted: `run` ends when all of it is done."""
        self._put.close()
