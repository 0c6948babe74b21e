"""Opens what a broker keeps on its disk, and reads what the one before it has left."""

import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import attrs
import trio

from maelstrom_broker.history_file import HistoryFile
from maelstrom_broker.kept_plan import Unreadable, unpacked
from maelstrom_broker.runs_file import Drawn, KeptRun, RunsFile
from maelstrom_broker.stories_state import Run
from maelstrom_core.settings import Settings

Say = Callable[[str, str, Mapping[str, object]], None]


@attrs.frozen
class Kept:
    """The files, and what was in them.

    :param history: of cases; ``None`` if nothing of it is to be kept
    :param runs: that are over; likewise
    :param drawn: on the page of the broker before
    """

    history: HistoryFile | None
    runs: RunsFile | None
    past: tuple[Run, ...] = ()
    drawn: Drawn = attrs.field(factory=Drawn)


@asynccontextmanager
async def kept_files(settings: Settings, say: Say) -> AsyncIterator[Kept]:
    """The files, for as long as the context lasts.

    :param say: told what is wrong with them
    """
    token = trio.lowlevel.current_trio_token()

    def tell(text: str) -> None:
        token.run_sync_soon(say, "warning", text, {})

    now, wall = trio.current_time(), time.time()
    opened = partial(_open, settings, tell, now - wall, wall)
    kept = await trio.to_thread.run_sync(opened)
    try:
        yield kept
    finally:
        for file in (kept.history, kept.runs):
            if file is not None:
                file.close()


def _open(settings: Settings, tell: Callable[[str], None], offset: float, wall: float) -> Kept:
    directory = Path(settings.cluster_directory)
    history = runs = None
    past: list[Run] = []
    drawn = Drawn()
    if settings.history_size:
        file = directory / "history.sqlite"
        history = HistoryFile(file, most_bytes=settings.history_size, tell=tell)
    if settings.runs_size:
        runs = RunsFile(directory / "runs.sqlite", most_bytes=settings.runs_size, tell=tell)
        past = list(_past(runs.runs(), tell, offset, wall))
        drawn = runs.drawn()
    return Kept(history, runs, tuple(past), drawn)


def _past(
    runs: Iterable[KeptRun], tell: Callable[[str], None], offset: float, wall: float
) -> Iterator[Run]:
    """Runs on this broker's clock.

    :param offset: of its clock, from the seconds since 1970
    :param wall: seconds since 1970; what ended later than now did so just now, for clocks are set back
    """
    for run in runs:
        try:
            yield unpacked(run.session, run.told, min(run.ended, wall) + offset)
        except Unreadable as fault:
            tell(f"a run that is kept cannot be read, and is left out: {fault}")
