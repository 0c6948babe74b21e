"""A question is asked over each link that there is until it is answered; an order is given once."""

from typing import Any

import pytest
import trio
import trio.testing
from maelstrom_admin.asking import Conversation, status_of

from maelstrom_core.errors import PeerError
from maelstrom_core.wire.administration import Answer, AskStatus, Drain, Status
from maelstrom_core.wire.messages import Welcome

WELCOME = Welcome(1, b"b" * 16, 1000, 1, 1)


class Link:
    """Keeps what is said on it."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def say(self, message: Any) -> None:
        self.said.append(message)


def a_conversation(patience: float = 30.0) -> tuple[Conversation, Link]:
    talk, link = Conversation(patience), Link()
    talk.link = link  # type: ignore[assignment]
    return talk, link


def at_once(main: Any) -> None:
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_question_that_was_lost_with_its_link_is_asked_over_the_next() -> None:
    talk, link = a_conversation()
    answers: list[bytes] = []

    async def ask() -> None:
        answers.append(await status_of(talk, details=False))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            talk.link_up(WELCOME, same_broker=False)
            await trio.testing.wait_all_tasks_blocked()
            assert link.said == [AskStatus(False)]
            talk.link_down("it is gone")
            await trio.sleep(12)
            assert link.said == [AskStatus(False)]
            talk.link_up(WELCOME, same_broker=False)
            await trio.testing.wait_all_tasks_blocked()
            assert link.said == [AskStatus(False)] * 2
            talk.heard(Status(b"{}"))

    at_once(main)
    assert answers == [b"{}"]


def test_an_order_is_given_once() -> None:
    talk, link = a_conversation()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk.ask, Drain("rack7", on=True))
            for _ in range(2):
                talk.link_up(WELCOME, same_broker=False)
                await trio.testing.wait_all_tasks_blocked()
                talk.link_down("it is gone")
            assert link.said == [Drain("rack7", on=True)]
            talk.heard(Answer(""))

    at_once(main)


@pytest.mark.parametrize("why", ["", "the broker does not say welcome for 10 s"])
def test_patience_ends_and_what_was_in_the_way_is_told(why: str) -> None:
    talk, _ = a_conversation(patience=45)

    async def main() -> None:
        if why:
            talk.link_failed(why)
        began = trio.current_time()
        with pytest.raises(PeerError, match=why or "has not answered within 45 s"):
            await status_of(talk, details=False)
        assert trio.current_time() - began == pytest.approx(45)

    at_once(main)
