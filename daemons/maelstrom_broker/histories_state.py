"""What clients tell of cases, and ask: who may, and how much at once. Pure; a part of the broker's
machine.

What was told is on the disk and not here (`history_file`): the machine asks for it, and passes it on.
Whoever tells does so under its own key, and changes nothing that another one has told.
"""

from maelstrom_broker.book_state import Book
from maelstrom_broker.effects import Learn, Recall
from maelstrom_broker.events import Recalled
from maelstrom_broker.limits import MOST_ASKING
from maelstrom_broker.records import Client
from maelstrom_broker.workers_state import BadPeer
from maelstrom_core.wire.histories import ROW_BYTES, AskCases, KnownCases, LearnedCases
from maelstrom_core.wire.messages import Code


class Histories:
    """All that clients say of them.

    :param keeps: whether there are any
    """

    def __init__(self, book: Book, *, keeps: bool) -> None:
        self._book = book
        self.keeps = keeps

    def ask(self, client: Client, message: AskCases) -> None:
        """It wants to know of a project.

        :raises BadPeer: if it does not wait for answers
        """
        if message.request in client.asking:
            return  # said twice
        if not self.keeps:
            self._answer(client, message.request, ())
            return
        if len(client.asking) >= MOST_ASKING:
            raise BadPeer(Code.PROTOCOL, f"more than {MOST_ASKING} questions that wait for answers")
        client.asking.add(message.request)
        self._book.post.effect(
            Recall(client.session, client.principal, message.request, message.project, message.plan)
        )

    def recalled(self, event: Recalled) -> None:
        """That is what is known."""
        client = self._book.clients.get(event.session)
        if client is not None and event.request in client.asking:
            client.asking.discard(event.request)
            self._answer(client, event.request, event.cases)

    def _answer(self, client: Client, request: int, cases: tuple[bytes, ...]) -> None:
        if client.peer is None:
            return  # it asks again when it comes, if it still wants to know
        *parts, last = cases or (b"",)
        for part in parts:
            self._book.post.now(client.peer, KnownCases(request, part, is_last=False))
        self._book.post.now(client.peer, KnownCases(request, last))

    def learned(self, client: Client, message: LearnedCases) -> None:
        """It has seen how cases went."""
        rows = len(message.cases) // ROW_BYTES
        if self.keeps and 0 < rows <= client.learned_left:
            client.learned_left -= rows
            self._book.post.effect(Learn(client.principal, message.project, message.cases))
