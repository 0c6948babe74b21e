"""Connections: who is greeted, told to go, or silent. Pure; a part of the broker's machine."""

import math
from collections import OrderedDict

from maelstrom_broker.book_state import Book, Party
from maelstrom_broker.clients_state import Clients
from maelstrom_broker.effects import Forget
from maelstrom_broker.events import Came
from maelstrom_broker.limits import (
    BEAT_SECONDS,
    MOST_ADMINS,
    MOST_CLIENTS,
    MOST_DISMISSED,
    MOST_WORKERS,
    SILENT_SECONDS,
)
from maelstrom_broker.records import Admin, Client, Worker
from maelstrom_broker.workers_state import BadPeer, Workers
from maelstrom_core.wire.messages import (
    OLDEST_VERSION,
    VERSION,
    Bye,
    Code,
    Hello,
    Welcome,
)

_LATE = 1.5 * BEAT_SECONDS
"""Looking for the silent so much too late, the broker has been silent itself."""


class Links:
    """All connections.

    :param bulk_port: told to whoever is welcomed
    :param keeps_history: so is this
    :param look_at: when to look for the silent next
    """

    def __init__(
        self,
        book: Book,
        workers: Workers,
        clients: Clients,
        bulk_port: int,
        *,
        keeps_history: bool,
    ) -> None:
        self._book = book
        self._keeps_history = keeps_history
        self._workers = workers
        self._clients = clients
        self._bulk_port = bulk_port
        self._dismissed: OrderedDict[bytes, None] = OrderedDict()
        self.look_at = math.inf

    def hello(self, event: Came, hello: Hello, now: float) -> None:
        """The first message of a connection.

        :raises BadPeer: if it may not stay
        """
        peer, party = event.peer, self._book.peers.get(event.peer)
        if hello.newest < OLDEST_VERSION or hello.oldest > VERSION or hello.oldest > hello.newest:
            raise BadPeer(
                Code.VERSION,
                f"this broker speaks versions {OLDEST_VERSION} to {VERSION} of the protocol, and "
                f"{hello.software} speaks {hello.oldest} to {hello.newest}: use versions that are "
                "nearer to each other",
            )
        if (hello.slots > 0) != (event.role == "worker"):
            does = "offers slots as a worker does" if hello.slots else "offers no slots"
            raise BadPeer(
                Code.ROLE, f"the key of {event.principal} is a {event.role}'s, and it {does}"
            )
        known = self._known(event.role, hello.session)
        if party is not None:
            if party is not known:
                raise BadPeer(Code.PROTOCOL, "another session on the same connection")
            # It has said so twice; what it was given meanwhile it did not know of.
            self._welcome(peer, hello)
            return
        if known is not None and known.principal != event.principal:
            raise BadPeer(Code.ROLE, "that session belongs to another key")
        # What was gathered so far is for the connection before.
        self._book.post.flush()
        if known is None:
            self._check_room(event.role, event.principal)
        elif known.peer is not None:
            self._say_bye(known.peer, Code.REPLACED, "the same session came by another connection")
            del self._book.peers[known.peer]
        self._dismissed.pop(peer, None)
        self._welcome(peer, hello)
        self._greet(event, hello, known, now)

    def _welcome(self, peer: bytes, hello: Hello) -> None:
        version = min(VERSION, hello.newest)
        window, beat_ms = self._clients.window, round(BEAT_SECONDS * 1000)
        slots = sum(worker.slots for worker in self._book.workers.values())
        boot, keeps = self._book.boot, self._keeps_history
        away_ms = round(self._clients.away_seconds * 1000)
        welcome = Welcome(
            version, boot, beat_ms, window, self._bulk_port, slots, keeps, True, away_ms
        )
        self._book.post.now(peer, welcome)

    def _greet(self, event: Came, hello: Hello, known: Party | None, now: float) -> None:
        match event.role:
            case "worker":
                party: Party = known or Worker(hello.session, event.principal)
            case "client":
                party = known or self._clients.new(hello.session, event.principal)
            case _:
                party = known or Admin(hello.session, event.principal)
        party.peer, party.heard = event.peer, now
        self._book.peers[event.peer] = party
        if self.look_at == math.inf:
            self.look_at = now + BEAT_SECONDS
        match party:
            case Worker():
                self._workers.greet(party, hello, now)
            case Client():
                self._clients.greet(party, hello, now)
            case Admin():
                party.name = hello.name or party.principal

    def _known(self, role: str, session: bytes) -> Party | None:
        if role == "worker":
            return self._book.workers.get(session)
        if role == "client":
            return self._book.clients.get(session)
        for party in self._book.peers.values():
            if type(party) is Admin and party.session == session:
                return party
        return None

    def _check_room(self, role: str, principal: str) -> None:
        match role:
            case "worker":
                here, most = len(self._book.workers), MOST_WORKERS
            case "client":
                here, most = len(self._book.clients), MOST_CLIENTS
                self._clients.check_room(principal)
            case _:
                here = sum(type(party) is Admin for party in self._book.peers.values())
                most = MOST_ADMINS
        if here >= most:
            raise BadPeer(Code.SLOW, f"{most} {role}s are here already; come again")

    def dismiss(self, peer: bytes, code: int, text: str, now: float) -> None:
        """End a link."""
        if peer in self._dismissed:
            return
        self._book.totals["links_ended"] += 1
        self._book.post.flush()
        self._say_bye(peer, code, text)
        party = self._book.peers.get(peer)
        self._book.post.note(
            "a link was ended",
            code=Code(code).name.lower(),
            why=text,
            name="" if party is None else party.name,
        )
        self._left(peer, now)

    def gone(self, peer: bytes, now: float) -> None:
        """A connection is no more; whoever it was may come again."""
        self._dismissed.pop(peer, None)
        self._book.post.flush()
        self._left(peer, now)

    def _say_bye(self, peer: bytes, code: int, text: str) -> None:
        self._book.post.bye(peer, code, text)
        self._dismissed[peer] = None
        if len(self._dismissed) > MOST_DISMISSED:
            self._dismissed.popitem(last=False)

    def _left(self, peer: bytes, now: float) -> None:
        match self._book.peers.pop(peer, None):
            case Worker() as worker:
                self._workers.away(worker, now)
            case Client() as client:
                self._clients.away(client, now)

    def said_bye(self, peer: bytes, party: Party, bye: Bye, now: float) -> None:
        """It ends the link."""
        self._book.post.flush()
        self._book.post.effect(Forget(peer))
        if bye.code != Code.GOODBYE:
            self._left(peer, now)
            return
        del self._book.peers[peer]
        if isinstance(party, Worker):
            self._workers.given_up(party, now, "it said goodbye", in_peace=True)
        elif isinstance(party, Client):
            self._clients.given_up(party, "it said goodbye")

    def find_the_silent(self, now: float) -> None:
        """Whoever said nothing for long is dead."""
        peers = self._book.peers
        late = now - self.look_at > _LATE
        self.look_at = now + BEAT_SECONDS if peers else math.inf
        for peer, party in list(peers.items()):
            if late:
                party.heard = now  # what they said meanwhile waits to be read
            elif now - party.heard > SILENT_SECONDS:
                self._silent(peer, party, now)

    def _silent(self, peer: bytes, party: Party, now: float) -> None:
        why = f"it was silent for {SILENT_SECONDS:g} seconds"
        self._book.post.flush()
        self._say_bye(peer, Code.SLOW, f"{why}; come again")
        del self._book.peers[peer]
        if isinstance(party, Worker):
            self._workers.given_up(party, now, why)
        elif isinstance(party, Client):
            self._clients.away(party, now)

    def stop(self, code: int, text: str, now: float) -> None:
        """All are told to go."""
        self._book.post.flush()
        for peer in list(self._book.peers):
            self._say_bye(peer, code, text)
            self._left(peer, now)

    def check(self) -> None:
        """Assert what must always hold."""
        for peer, party in self._book.peers.items():
            assert party.peer == peer, "a connection of somebody who has another"
            assert not isinstance(party, Worker) or self._book.workers[party.session] is party
            assert not isinstance(party, Client) or self._book.clients[party.session] is party
        for worker in self._book.workers.values():
            assert worker.peer is None or self._book.peers[worker.peer] is worker
        for client in self._book.clients.values():
            assert client.peer is None or self._book.peers[client.peer] is client
