"""A history that is shared with others by the backend, if it can. For trio."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import attrs
import trio

from maelstrom_core.model.histories import KnownCase, plan_key, project_key
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.ports import Backend, SharesHistory
from maelstrom_core.testrun.history import History, Known, Others

ASK_SECONDS = 5.0
"""How long a run waits for what others know; then it begins without."""


@attrs.frozen
class Durations:
    """What shards are balanced by.

    :param seconds: of cases, as far as they are known
    :param whose: whose knowledge that is, for people, if it is not this machine's
    """

    seconds: Mapping[CaseId, float]
    whose: str = ""


class Sharing:
    """Who else there is.

    :param backend: knows them; ``None`` if there is nobody
    :param project: see `maelstrom_core.model.histories.project_key`
    """

    def __init__(self, backend: SharesHistory | None = None, project: bytes = b"") -> None:
        self._backend = backend
        self._project = project

    async def durations(self, history: History, cases: Sequence[CaseId], parts: int) -> Durations:
        """The same for all who divide these cases into so many parts, whenever they do."""
        known: Sequence[KnownCase] | None = None
        if self._backend is not None:
            with trio.move_on_after(ASK_SECONDS):
                known = await self._backend.recall(self._project, plan_key(cases, parts))
            if known is not None:
                # Not what was seen here, for nobody else knows that.
                others = Others(self._project, known, lambda _: None)
                found = {case: others.of(case) for case in cases}
                return Durations(_seconds(found), ", as the cluster knows them")
        found = {case: history.of(case) for case in cases}
        alone = ", for the cluster does not say how long they take" if self._backend else ""
        return Durations(_seconds(found), alone)


def _seconds(found: Mapping[CaseId, Known | None]) -> dict[CaseId, float]:
    return {case: known.duration for case, known in found.items() if known is not None}


@asynccontextmanager
async def sharing(history: History, backend: Backend, name: str) -> AsyncIterator[Sharing]:
    """Let a history be others' too, for as long as the context lasts.

    :param name: of the project, the same on all machines; empty if nothing is to be shared
    """
    if not name or not isinstance(backend, SharesHistory):
        yield Sharing()
        return
    project = project_key(history.runner, name)
    known: Sequence[KnownCase] | None = None
    with trio.move_on_after(ASK_SECONDS):
        known = await backend.recall(project)
    history.share(Others(project, known or (), lambda cases: backend.learned(project, cases)))
    try:
        yield Sharing(backend, project)
    finally:
        history.share(None)
