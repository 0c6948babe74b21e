"""What is known of cases, asked of a broker and told to it; `histories_state` decides."""

from collections.abc import Callable, Iterable, Sequence

import attrs
import trio

from maelstrom_core.cluster.histories_state import Answered, HistoriesState
from maelstrom_core.model.histories import KnownCase
from maelstrom_core.wire.histories import KnownCases
from maelstrom_core.wire.messages import Message


@attrs.define
class _Question:
    answered: trio.Event = attrs.field(factory=trio.Event)
    cases: tuple[KnownCase, ...] | None = None


class Histories:
    """Those of one client.

    :param say: sends a message to the broker
    """

    def __init__(self, say: Callable[[Message], None]) -> None:
        self._say = say
        self._state = HistoriesState()
        self._questions: dict[int, _Question] = {}

    async def recall(self, project: bytes, plan: bytes) -> Sequence[KnownCase] | None:
        """What is known of a project's cases; see `maelstrom_core.model.ports.SharesHistory`."""
        asking = self._state.ask(project, plan)
        if asking is None:
            return None
        question = self._questions[asking.request] = _Question()
        self._say(asking)
        try:
            await question.answered.wait()
        finally:
            del self._questions[asking.request]
            self._state.give_up(asking.request)
        return question.cases

    def learned(self, project: bytes, cases: Iterable[KnownCase]) -> None:
        """Tell how cases went."""
        for message in self._state.learned(project, cases):
            self._say(message)

    def link_up(self, *, keeps: bool) -> None:
        """There is a broker, which keeps what clients learn or does not."""
        for message in self._state.link_up(keeps=keeps):
            self._say(message)

    def link_down(self) -> None:
        """There is none any more, or for good: who waits for an answer waits no longer."""
        self._answer(self._state.link_down())

    def came(self, message: KnownCases) -> None:
        """A part of an answer."""
        answer = self._state.came(message)
        self._answer([] if answer is None else [answer])

    def _answer(self, answers: Iterable[Answered]) -> None:
        for answer in answers:
            question = self._questions.get(answer.request)
            if question is not None:
                question.cases = answer.cases
                question.answered.set()
