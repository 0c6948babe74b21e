"""Asks a broker, as an administrator. For trio."""

import importlib.metadata
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from maelstrom_core.cluster.joining import connection_to, join_of
from maelstrom_core.cluster.link import Link
from maelstrom_core.errors import PeerError
from maelstrom_core.transport.principal import ADMIN
from maelstrom_core.wire.administration import (
    Answer,
    AskStatus,
    AskStory,
    CancelRun,
    Drain,
    Status,
    Stop,
)
from maelstrom_core.wire.messages import (
    OLDEST_VERSION,
    VERSION,
    Beat,
    Bye,
    Hello,
    Message,
    Welcome,
)

_FROM_BROKERS = (Welcome, Bye, Beat, Status, Answer)


class Conversation:
    """One question after the other; the owner of a link.

    :param patience: seconds that an answer may take
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._session = os.urandom(16)
        self._up, self._down = trio.Event(), trio.Event()
        self._sender, self._answers = trio.open_memory_channel[Status | Answer](1)
        self._over = ""
        self._ended = trio.Event()
        self.link: Link | None = None

    async def ask(self, question: Message) -> Status | Answer:
        """Ask, and wait for the answer.

        :raises PeerError: if there is none
        """
        with trio.move_on_after(self._patience):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._end_if_over, nursery.cancel_scope)
                nursery.start_soon(self._say, question)
                answer = await self._answers.receive()
                nursery.cancel_scope.cancel()
                return answer
        reason = self._over or f"the broker has not answered within {self._patience:g} s"
        raise PeerError(reason)

    async def _say(self, question: Message) -> None:
        """Over each link that there is, for a question is lost with its link; an order only once, as it
        may have been carried out."""
        assert self.link is not None
        while True:
            await self._up.wait()
            self.link.say(question)
            if not isinstance(question, AskStatus | AskStory):
                return
            await self._down.wait()

    async def _end_if_over(self, scope: trio.CancelScope) -> None:
        await self._ended.wait()
        scope.cancel()

    # What the link says

    def hello(self, boot: bytes) -> Hello:
        """Greet as an administrator, which the key says."""
        return Hello(
            OLDEST_VERSION,
            VERSION,
            f"maelstrom-admin {importlib.metadata.version('pytest-maelstrom')}",
            self._session,
            os.environ.get("USER", "") or str(os.getuid()),
            boot,
        )

    def link_up(self, welcome: Welcome, *, same_broker: bool) -> None:  # noqa: ARG002
        """Questions may be asked."""
        self._up.set()
        self._down = trio.Event()

    def link_down(self, reason: str) -> None:  # noqa: ARG002
        """Whoever asks goes on waiting for a while: the broker may come again."""
        if self._up.is_set():
            self._up = trio.Event()
            self._down.set()

    def link_failed(self, reason: str) -> None:
        """Noted, in case it stays so."""
        self._over = reason

    def link_over(self, reason: str) -> None:
        """There will be no answer."""
        self._over = reason
        self._ended.set()

    def heard(self, message: Message) -> None:
        """An answer; none is asked for twice."""
        if isinstance(message, Status | Answer):
            try:
                self._sender.send_nowait(message)
            except trio.WouldBlock:
                return

    def free_slots(self) -> int:
        """None: this is no worker."""
        return 0


@asynccontextmanager
async def conversation(
    broker: str, directory: Path, patience: float
) -> AsyncIterator[Conversation]:
    """A conversation with a broker, for as long as the context lasts.

    :param broker: how it is named in settings
    :param directory: of the cluster's keys of this user on this machine
    :param patience: seconds that an answer may take
    :raises maelstrom_core.errors.MaelstromError: if it is named wrongly, or cannot be reached
    """
    talk = Conversation(patience)
    join = join_of(broker, ADMIN, directory)
    async with connection_to(join) as connection, trio.open_nursery() as nursery:
        talk.link = Link(connection, talk, allowed=_FROM_BROKERS, is_worker=False)
        nursery.start_soon(talk.link.run)
        yield talk
        await talk.link.leave("")
        nursery.cancel_scope.cancel()


async def status_of(talk: Conversation, *, details: bool) -> bytes:
    """What the broker knows of itself: JSON."""
    answer = await talk.ask(AskStatus(details))
    if isinstance(answer, Answer):
        raise PeerError(f"the broker refuses to say how it is: {answer.fault}")
    return answer.document


async def story_of(talk: Conversation, run: str, job: str) -> bytes:
    """What the broker remembers of a run, or of one of its jobs: JSON.

    :raises PeerError: if it remembers nothing of it, with what there is
    """
    answer = await talk.ask(AskStory(run, job))
    if isinstance(answer, Answer):
        raise PeerError(answer.fault)
    return answer.document


async def order(talk: Conversation, orders: Sequence[Drain | CancelRun | Stop]) -> None:
    """Have the broker do something.

    :raises PeerError: if it cannot, with the reason
    """
    for one in orders:
        answer = await talk.ask(one)
        if isinstance(answer, Answer) and answer.fault:
            raise PeerError(f"the broker has not done it: {answer.fault}")
