"""Decides what the broker does next. Pure: no socket, no clock, no disk.

Nothing here is the truth about a run: that lives with its client, which hands in again what has not
ended, and with workers, which name what they hold. So a broker may die at any moment, and its
successor asks both.

The parts: `queue_state` (whose turn it is), `placement_state` (which worker), `allowance_state` (what
may wait at one), `dispatch_state` (gives one to the other), `attempts_state` (what becomes of a job),
`workers_state`, `clients_state`, `histories_state` (what they know of cases), `terminals_state` (of
jobs), `links_state` (who is there at all), `post_state` (what is to be sent); they share `book_state`.
"""

import difflib
import math
from typing import assert_never

from maelstrom_broker import status
from maelstrom_broker.attempts_state import Attempts
from maelstrom_broker.book_state import Book, Party
from maelstrom_broker.clients_state import Clients
from maelstrom_broker.effects import Effect, StopNow
from maelstrom_broker.events import (
    Came,
    CameBad,
    Event,
    PeerFull,
    PeerGone,
    Recalled,
    StopWanted,
    TimePassed,
)
from maelstrom_broker.histories_state import Histories
from maelstrom_broker.limits import CLIENT_SECONDS, FILL_AT_ONCE, TEXT, WINDOW_JOBS
from maelstrom_broker.links_state import Links
from maelstrom_broker.queue_state import Demand
from maelstrom_broker.records import Client, Worker
from maelstrom_broker.story_plan import NoStory, story_document
from maelstrom_broker.terminals_state import Terminals
from maelstrom_broker.workers_state import BadPeer, Workers
from maelstrom_core.wire.administration import (
    Answer,
    AskStatus,
    AskStory,
    CancelRun,
    Drain,
    Status,
    Stop,
)
from maelstrom_core.wire.histories import AskCases, LearnedCases
from maelstrom_core.wire.messages import (
    Beat,
    Bye,
    Cancel,
    Code,
    ContainerBytes,
    Done,
    GivenBack,
    Had,
    Hello,
    Message,
    Output,
    Started,
    Submit,
    Taken,
)
from maelstrom_core.wire.terminals import HadTerminal, ShowTerminal, TypeTerminal

MAY_SEND: dict[str, frozenset[type]] = {
    "worker": frozenset(
        {Hello, Bye, Beat, Started, Output, Done, GivenBack, ShowTerminal, HadTerminal}
    ),
    "client": frozenset(
        {Hello, Bye, Beat, ContainerBytes, Submit, Taken, Cancel, Had, AskCases, LearnedCases}
        | {TypeTerminal, HadTerminal}
    ),
    "admin": frozenset({Hello, Bye, Beat, AskStatus, AskStory, Drain, CancelRun, Stop}),
}
"""What each role's key allows."""


class BrokerState:
    """All that a broker knows. Only `take` and `settle` change it.

    :param boot: random, 16 bytes: this life of the broker
    :param now: seconds on a clock that never goes back
    :param bulk_port: told to whoever is welcomed
    :param window: jobs of a client whose results it has not taken, at most
    :param client_away: seconds in which a client that is gone may come again
    :param keeps_history: whether `Learn` and `Recall` come to anything
    :param keeps_runs: whether `KeepRun` does
    """

    def __init__(
        self,
        boot: bytes,
        *,
        now: float,
        bulk_port: int = 0,
        window: int = WINDOW_JOBS,
        client_away: float = CLIENT_SECONDS,
        keeps_history: bool = False,
        keeps_runs: bool = False,
    ) -> None:
        self.book = Book(boot, now, keeps_runs=keeps_runs)
        self._attempts = Attempts(self.book)
        self._workers = Workers(self.book, self._attempts)
        self._clients = Clients(self.book, self._attempts, self._workers, window, client_away)
        self._terminals = Terminals(self.book, self._attempts, client_away)
        self._histories = Histories(self.book, keeps=keeps_history)
        self._links = Links(
            self.book, self._workers, self._clients, bulk_port, keeps_history=keeps_history
        )
        self._has_more = False
        self._stopping = False

    def step(self, event: Event, *, now: float) -> list[Effect]:
        """Take in one event; return what must be done about it, in order."""
        self.take(event, now=now)
        return self.settle(now=now)

    def take(self, event: Event, *, now: float) -> None:
        """Take in one event of several; `settle` says what must be done about all of them."""
        self.book.now = now
        match event:
            case Came():
                self._came(event, now)
            case CameBad(peer, code, text):
                self._links.dismiss(peer, code, text, now)
            case PeerGone(peer):
                self._links.gone(peer, now)
            case PeerFull(peer):
                text = "you do not take what you are sent; come again"
                self._links.dismiss(peer, Code.SLOW, text, now)
            case Recalled():
                self._histories.recalled(event)
            case StopWanted(text):
                self._stop(Code.GOODBYE, text, now)
            case TimePassed():
                self.book.ring(now)
                if now >= self._links.look_at:
                    self._links.find_the_silent(now)
            case _:
                assert_never(event)

    def settle(self, *, now: float) -> list[Effect]:
        """Give out what can be given, and return all that must be done, in order."""
        book, dispatch = self.book, self.book.dispatch
        book.now = now
        self._has_more = False
        if not self._stopping:
            if book.chores:
                self._do_chores()
            if dispatch.may_be_impossible and now >= book.unsettled_until and book.workers:
                self._refuse()
            if dispatch.may_go_on:
                self._fill()
            self._attempts.wish_back(dispatch.wanted_back())
        if dispatch.begun:
            book.stories.have_slots(dispatch.begun, now)
            dispatch.begun.clear()
        return book.post.gathered()

    def next_deadline(self) -> float:
        """When `TimePassed` is wanted next; infinity if never; the past if there is more to do now."""
        if self._has_more:
            return -math.inf
        timer, look_at = self.book.next_timer(), self._links.look_at
        return look_at if timer is None else min(timer, look_at)

    @property
    def jobs(self) -> int:
        """How many there are, ended ones that were not taken included."""
        return sum(len(client.jobs) for client in self.book.clients.values())

    def _do_chores(self) -> None:
        chores, over = self.book.chores, object()
        if chores and next(chores[0], over) is over:
            chores.popleft()
        self._has_more = bool(chores)

    def _fill(self) -> None:
        dispatch = self.book.dispatch
        for _ in range(FILL_AT_ONCE):
            found = dispatch.next()
            if found is None:
                return
            if not (found[1].orphans and self._workers.ends_there(*found)):
                self._attempts.give(*found)
        self._has_more = self._has_more or dispatch.may_go_on

    def _refuse(self) -> None:
        """What nobody could ever run is said at once."""
        self.book.dispatch.may_be_impossible = False
        impossible = [
            demand
            for demand in self.book.dispatch.demands.values()
            if demand.pool.most_slots < demand.slots
        ]
        for demand in impossible:
            if self._clients.refuse(demand, self._what_is_missing(demand)):
                self._has_more = self.book.dispatch.may_be_impossible = True

    def _what_is_missing(self, demand: Demand) -> str:
        wanted = sorted(demand.wants.labels)
        if demand.pool.members:
            of_them = f" of those that have {', '.join(wanted)}" if wanted else ""
            return (
                f"it takes {demand.slots} slots, and the largest worker{of_them} has "
                f"{demand.pool.most_slots}"
            )
        there = sorted({one for worker in self.book.workers.values() for one in worker.labels})
        if missing := [label for label in wanted if label not in there]:
            near = difflib.get_close_matches(missing[0], there, n=1)
            hint = f"; the nearest is {near[0]}" if near else ""
            return f"no worker has the label {missing[0]}{hint} (workers: {len(self.book.workers)})"
        return f"no worker has all of the labels {', '.join(wanted)}"

    # What they say

    def _came(self, event: Came, now: float) -> None:
        peer, message = event.peer, event.message
        if type(message) not in MAY_SEND.get(event.role, ()):
            what = type(message).__name__
            text = f"the key of {event.principal} is a {event.role}'s, which sends no {what}"
            self._links.dismiss(peer, Code.ROLE, text, now)
            return
        try:
            party = self.book.peers.get(peer)
            if isinstance(message, Hello):
                self._links.hello(event, message, now)
            elif party is not None:
                party.heard = now
                self._said(peer, party, message, now)
            # Else it has not noticed yet that this is a new connection: it will say Hello, and all
            # of this again.
        except BadPeer as bad:
            self._links.dismiss(peer, bad.code, bad.text, now)

    def _said(self, peer: bytes, party: Party, message: Message, now: float) -> None:
        if isinstance(message, Beat):
            if isinstance(party, Client):
                self._clients.beat(party)
            self.book.post.now(peer, Beat(message.sequence))
        elif isinstance(message, Bye):
            self._links.said_bye(peer, party, message, now)
        elif isinstance(party, Worker):
            self._worker_said(party, message, now)
        elif isinstance(party, Client):
            self._client_said(party, message, now)
        else:
            self._admin_said(peer, message, now)

    def _worker_said(self, worker: Worker, message: Message, now: float) -> None:
        match message:
            case Done():
                self._workers.done(worker, message)
                client = self.book.clients.get(message.session)
                if client is not None and self._clients.overfull(client) and client.peer:
                    text = "too many results that you have not taken; come again"
                    self._links.dismiss(client.peer, Code.SLOW, text, now)
            case GivenBack():
                self._workers.given_back(worker, message)
            case Started():
                self._workers.started(worker, message)
            case Output():
                self._workers.output(worker, message)
            case ShowTerminal() | HadTerminal():
                self._terminals.worker_said(worker, message)

    def _client_said(self, client: Client, message: Message, now: float) -> None:
        match message:
            case Submit():
                self._clients.submit(client, message)
            case Taken():
                self._clients.taken(client, message, now)
            case ContainerBytes():
                self._clients.container(client, message)
            case Cancel():
                self._clients.cancel(client, message)
            case AskCases():
                self._histories.ask(client, message)
            case LearnedCases():
                self._histories.learned(client, message)
            case Had():
                self._clients.had(client, message)
            case TypeTerminal() | HadTerminal():
                self._terminals.client_said(client, message, now)

    def _admin_said(self, peer: bytes, message: Message, now: float) -> None:
        post, book = self.book.post, self.book
        match message:
            case AskStatus(details):
                post.now(peer, Status(status.document(book, details, now)))
            case AskStory(run, job):
                try:
                    post.now(peer, Status(story_document(book, run, job, now)))
                except NoStory as none:
                    post.now(peer, Answer(str(none)[:TEXT]))
            case Drain(name, on):
                found = [worker for worker in book.workers.values() if worker.name == name]
                for worker in found:
                    book.dispatch.drain(worker, on)
                names = sorted({worker.name for worker in book.workers.values()})
                fault = "" if found else f"there is no worker {name}{_nearest(name, names)}"
                post.now(peer, Answer(fault))
            case CancelRun(session):
                client = book.clients.get(session)
                if client is None:
                    post.now(peer, Answer(f"there is no client of session {session.hex()}"))
                else:
                    self._clients.cancel_run(client)
                    post.now(peer, Answer())
            case Stop():
                post.now(peer, Answer())
                self._stop(Code.STOPPED, "the broker was stopped", now)

    def _stop(self, code: int, text: str, now: float) -> None:
        self._links.stop(code, text, now)
        self._stopping = True
        self.book.post.effect(StopNow())

    def check(self) -> None:
        """Assert what must always hold."""
        self.book.check()
        self._links.check()


def _nearest(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there are {', '.join(names[:20])}" if names else "; there are none"
