"""What a client asks its broker of cases, and tells it. Pure.

All of it may be lost, and nobody waits for a broker that is not there: a question ends without an answer
when the connection does. What has been told over a connection that broke is not told again; what was
learned while there is none waits for the next.
"""

from collections.abc import Iterable

import attrs

from maelstrom_core.model.histories import KnownCase
from maelstrom_core.wire.histories import (
    MOST_OF_PROJECT,
    AskCases,
    KnownCases,
    LearnedCases,
    packed,
    unpacked,
)


@attrs.frozen
class Answered:
    """A question has its answer.

    :param cases: ``None`` if the broker does not say
    """

    request: int
    cases: tuple[KnownCase, ...] | None


class HistoriesState:
    """Questions on their way, and what is still to be told."""

    def __init__(self) -> None:
        self._requests = 0
        self._asked: dict[int, list[KnownCase]] = {}
        self._untold: dict[bytes, dict[bytes, KnownCase]] = {}
        self._keeps = False

    def link_up(self, *, keeps: bool) -> list[LearnedCases]:
        """The broker has welcomed us; what it is to be told.

        :param keeps: whether it keeps what it is told
        """
        self._keeps = keeps
        untold, self._untold = self._untold, {}
        return [
            message
            for project, cases in untold.items()
            for message in self.learned(project, cases.values())
        ]

    def link_down(self) -> list[Answered]:
        """There is no broker, for now."""
        self._keeps = False
        asked, self._asked = self._asked, {}
        return [Answered(request, None) for request in asked]

    def ask(self, project: bytes, plan: bytes) -> AskCases | None:
        """What to say; nothing if there is nobody who would know."""
        if not self._keeps:
            return None
        self._requests += 1
        self._asked[self._requests] = []
        return AskCases(self._requests, project, plan)

    def give_up(self, request: int) -> None:
        """Nobody waits for the answer any more."""
        self._asked.pop(request, None)

    def came(self, message: KnownCases) -> Answered | None:
        """A part of an answer; all of it, if it is the last part that is taken."""
        cases = self._asked.get(message.request)
        if cases is None:
            return None
        room = MOST_OF_PROJECT - len(cases)
        cases += [
            KnownCase(*row) for row, _ in zip(unpacked(message.cases), range(room), strict=False)
        ]
        if not message.is_last and len(cases) < MOST_OF_PROJECT:
            return None
        del self._asked[message.request]
        return Answered(message.request, tuple(cases))

    def learned(self, project: bytes, cases: Iterable[KnownCase]) -> list[LearnedCases]:
        """How cases went; what to say now of it."""
        if self._keeps:
            return [LearnedCases(project, part) for part in packed(list(cases))]
        self._untold.setdefault(project, {}).update((case.key, case) for case in cases)
        return []
