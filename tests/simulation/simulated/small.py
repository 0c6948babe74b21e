"""A very small cluster of real machines: the broker's, workers', a client's. What happens next is chosen
from outside, so that a walk may try all of it.

A connection is in order until it breaks. Its party learns that at once; what it said before may still
arrive, until the broker learns of the end as well. What the broker had said is lost.
"""

import pickle
from collections import Counter
from typing import Any, TypeAlias

import attrs
from maelstrom_broker.effects import Send
from maelstrom_broker.events import Came, PeerGone, TimePassed
from maelstrom_broker.limits import MOST_ATTEMPTS, SILENT_SECONDS
from maelstrom_broker.state import BrokerState
from maelstrom_worker import effects as worker_effects
from maelstrom_worker import events as worker_events
from maelstrom_worker.jobs_state import JobsState

from maelstrom_core.cluster import remote_state as remote
from maelstrom_core.model.digest import Digest
from maelstrom_core.wire import messages as m
from maelstrom_core.wire.rows import Ending, SubmittedJob
from simulated.small_link import Link

CONTAINER = b"a container"
DIGEST = bytes.fromhex(Digest.of(CONTAINER).hex)
Choice: TypeAlias = tuple[str, ...]
"""What happens, to whom, and to what of it."""
Key = tuple[bytes, int]


@attrs.define
class SmallWorld:
    """All of it.

    :param faults: how often each may still happen: ``lose``, ``worker dies``, ``broker dies``,
        ``client dies``, ``cancel``, ``full``: the disk of a worker, until it has room, and ``slow``:
        time passes, and something has not arrived
    :param at_most: of all faults together
    :param allowance: jobs are known to be short, and links to be slow: some wait behind a worker's slot
    """

    jobs: int
    workers: int
    faults: dict[str, int]
    at_most: int
    allowance: bool = False
    now: float = 0.0
    lives: Counter[str] = attrs.field(factory=Counter)
    links: dict[str, Link] = attrs.field(factory=dict)
    """Of those that have one."""
    gone: list[Link] = attrs.field(factory=list)
    """Broken, and the broker does not know that yet."""
    held: dict[str, JobsState] = attrs.field(factory=dict)
    running: dict[str, dict[Key, None]] = attrs.field(factory=dict)
    boots: dict[str, bytes] = attrs.field(factory=dict)
    runs: Counter[Key] = attrs.field(factory=Counter)
    ended: dict[int, int] = attrs.field(factory=dict)
    unwanted: set[int] = attrs.field(factory=set)
    full: set[str] = attrs.field(factory=set)
    """Workers whose disks are."""
    was_full: bool = False
    dead: int = 0
    """Workers that died, or may have been taken for dead."""
    serial: int = 0
    broker: BrokerState = attrs.field(init=False)
    client: remote.RemoteState = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """All are here, and the client has its jobs."""
        self._broker_is_born()
        for number in range(self.workers):
            self._worker_is_born(f"w{number}")
        self._client_is_born()
        for party in (*self.held, "client"):
            self.do(("comes", party))
            self.do(("arrives", party))
            while self.links[party].down:
                self.do(("is told", party))

    # Lives

    def _broker_is_born(self) -> None:
        self.lives["broker"] += 1
        self.broker = BrokerState(b"broker %9d" % self.lives["broker"], now=self.now)

    def _worker_is_born(self, name: str) -> None:
        self.lives[name] += 1
        self.held[name] = JobsState(1)
        self.running[name] = {}
        self.boots[name] = b""

    def _client_is_born(self) -> None:
        self.lives["client"] += 1
        self.boots["client"] = b""
        self.client = remote.RemoteState(self.session_of("client"))
        self.ended, self.unwanted = {}, set()
        self._client_takes(remote.Known(DIGEST, CONTAINER))
        for tag in range(self.jobs):
            estimate = 1 if self.allowance else -1
            self._client_takes(remote.Wanted(DIGEST, SubmittedJob(tag, 0, estimate, 1, b"job")))

    def session_of(self, name: str) -> bytes:
        return f"{name}/{self.lives[name]}".encode().ljust(16, b".")

    # What may happen

    def choices(self) -> list[Choice]:
        """What goes on by itself; in the order in which it is tried."""
        found: list[Choice] = []
        for party in (*self.held, "client"):
            link = self.links.get(party)
            if link is None:
                found.append(("comes", party))
                continue
            if link.up:
                found.append(("arrives", party))
            if link.down:
                found.append(("is told", party))
        for number, link in enumerate(self.gone):
            if link.up:
                found.append(("arrives late", str(number)))
            found.append(("is known to be gone", str(number)))
        for name, running in self.running.items():
            found += [("ends", name, str(tag)) for _, tag in running]
        found += [("has room", name) for name in sorted(self.full)]
        if self.is_still and self.broker.book.next_timer() is not None:
            found.append(("time",))
        return found

    def troubles(self) -> list[Choice]:
        """What may go wrong."""
        if not self.at_most:
            return []
        found: list[Choice] = []
        if self.faults.get("lose"):
            found += [("lose", party) for party in self.links]
        if self.faults.get("worker dies"):
            found += [("worker dies", name) for name in self.held]
        if self.faults.get("full"):
            found += [("full", name) for name in self.held if name not in self.full]
        if self.faults.get("cancel"):
            found += [("cancel", str(tag)) for tag in range(self.jobs) if tag not in self.ended]
        if self.faults.get("slow") and not self.is_still:
            found.append(("slow",))
        found += [(kind,) for kind in ("broker dies", "client dies") if self.faults.get(kind)]
        return found

    @property
    def is_still(self) -> bool:
        """Whether nothing is on its way."""
        return not self.gone and not any(link.up or link.down for link in self.links.values())

    def do(self, choice: Choice) -> None:
        """Let it happen; all that must always hold is asserted.

        :raises AssertionError: if something does not
        """
        what, *whom = choice
        if what in self.faults:
            self.faults[what] -= 1
            self.at_most -= 1
        match what:
            case "comes":
                self._comes(*whom)
            case "arrives":
                self._arrives(self.links[whom[0]])
            case "is told":
                self._is_told(*whom)
            case "arrives late":
                self._arrives(self.gone[int(whom[0])])
            case "is known to be gone":
                self._tell(PeerGone(self.gone.pop(int(whom[0])).peer))
            case "ends":
                key = next(key for key in self.running[whom[0]] if key[1] == int(whom[1]))
                self._run_ends(whom[0], key)
            case "time" | "slow":
                self._time_passes()
            case "lose":
                self._lose(*whom)
            case "worker dies":
                self.dead += 1
                if whom[0] in self.links:
                    self._lose(*whom, hears=False)
                self._worker_is_born(*whom)
            case "broker dies":
                self.gone.clear()
                self._broker_is_born()
                for party in list(self.links):
                    self._lose(party, known=True)
            case "client dies":
                if "client" in self.links:
                    self._lose("client", hears=False)
                self._client_is_born()
            case "full":
                self.full.add(*whom)
                self.was_full = True
            case "has room":
                self.full.remove(*whom)
            case "cancel":
                self.unwanted.add(int(whom[0]))
                self._client_takes(remote.CancelWanted(int(whom[0])))
            case _:
                raise ValueError(choice)
        self.check()

    # Connections

    def _comes(self, party: str) -> None:
        self.serial += 1
        link = self.links[party] = Link(party, b"%s %d" % (party.encode(), self.serial))
        state = self.held.get(party)
        slots, held = (0, ()) if state is None else (1, state.held())
        hello = m.Hello(
            1, 1, "model", self.session_of(party), party, self.boots[party], slots, held=held,
            most_behind=state.most_behind if state is not None and self.allowance else 0,
        )  # fmt: skip
        link.up.append(hello)

    def _lose(self, party: str, *, known: bool = False, hears: bool = True) -> None:
        link = self.links.pop(party)
        link.down.clear()
        link.broken = True
        if not known:
            self.gone.append(link)
        if not hears or not link.welcome:
            return
        if party == "client":
            self._client_takes(remote.LinkDown())
        else:
            self._worker_takes(party, worker_events.LinkDown())

    def _arrives(self, link: Link) -> None:
        role = "client" if link.party == "client" else "worker"
        self._tell(Came(link.peer, role, f"{role}:one", link.up.popleft()))

    def _tell(self, event: Any) -> None:
        for known in self.broker.book.workers.values() if self.allowance else ():
            if known.turn != 0.01:
                known.turn = 0.01  # as if it had been seen: here no time passes
                self.broker.book.dispatch.changed(known)
        self._perform(self.broker.step(event, now=self.now))
        while self.broker.next_deadline() < 0:  # there is more to do now
            self._perform(self.broker.step(TimePassed(), now=self.now))

    def _perform(self, effects: list[Any]) -> None:
        links = {link.peer: link for link in self.links.values()}
        for effect in effects:
            match effect:
                case Send(peer, message) if peer in links and not isinstance(message, m.Beat):
                    links[peer].down.append(message)

    def _is_told(self, party: str) -> None:
        link = self.links[party]
        message = link.down.popleft()
        match message:
            case m.Welcome():
                assert not link.welcome, "welcomed twice"
                link.welcome, self.boots[party] = True, message.boot
                if party == "client":
                    self._client_takes(remote.LinkUp(message.window_jobs))
                else:
                    self._worker_takes(party, worker_events.LinkUp())
            case m.Bye():
                # Its old connection may be heard of after the new one; then it comes once more.
                may = (m.Code.SLOW, m.Code.REPLACED)
                assert message.code in may, f"{party} was sent away: {message.text}"
                self._lose(party)
            case _:
                assert link.welcome, "something came before the welcome"
                if party == "client":
                    self._client_takes(remote.Came(message))
                else:
                    self._worker_takes(party, worker_events.Came(message))

    # The machines

    def _client_takes(self, event: remote.Event) -> None:
        for effect in [*self.client.step(event), *self.client.step(remote.Flush(self.now))]:
            match effect:
                case remote.Say(message):
                    assert self.links["client"].welcome, "said to nobody"
                    self.links["client"].up.append(message)
                case remote.Ended(tag, row):
                    assert tag not in self.ended, "it ends twice"
                    self.ended[tag] = row.ending
                    self._check_ending(tag, row)
                case _:
                    raise AssertionError(f"nobody has asked for it: {effect}")

    def _check_ending(self, tag: int, row: Any) -> None:
        if row.ending == Ending.RAN:
            assert row.body == b"%d" % tag, "the result of another"
            assert self.runs[self.session_of("client"), tag], "it has never run"
        elif row.ending == Ending.CANCELLED:
            assert tag in self.unwanted, "nobody wanted it to end"
        elif row.ending == Ending.UNFIT:
            assert self.was_full and b"it is full" in row.body, f"ended so: {row}"
        else:
            assert row.ending == Ending.LOST and self.dead >= MOST_ATTEMPTS, f"ended so: {row}"

    def _worker_takes(self, name: str, event: worker_events.Event) -> None:
        state, link = self.held[name], self.links.get(name)
        for effect in state.step(event, now=self.now):
            match effect:
                case worker_effects.Say(message):
                    assert link is not None and link.welcome, "said to nobody"
                    link.up.append(message)
                case worker_effects.MakeReady(digest) if name in self.full:
                    full = worker_events.NotReady(digest, "it is full", is_full=True)
                    self._worker_takes(name, full)
                case worker_effects.MakeReady(digest):
                    self._worker_takes(name, worker_events.Ready(digest))
                case worker_effects.Start(key):
                    assert key not in self.running[name], "it runs there already"
                    assert not self.running[name], "more than it has slots"
                    self.running[name][key] = None
                    self.runs[key] += 1
                case worker_effects.End(key):
                    self._run_ends(name, key)

    def _run_ends(self, name: str, key: Key) -> None:
        del self.running[name][key]
        self._worker_takes(name, worker_events.Ended(key, Ending.RAN, b"%d" % key[1]))

    # Time

    def _time_passes(self) -> None:
        """Until something comes of it. Who has nothing on its way to the broker is heard of."""
        broker = self.broker
        timer = broker.book.next_timer()
        until = self.now + 2 * SILENT_SECONDS if timer is None else timer
        while self.now < until:
            self.now = max(self.now, min(until, broker.next_deadline()))
            for link in self.links.values():
                if link.welcome and not link.up:
                    broker.take(Came(link.peer, *_who(link.party), m.Beat(1)), now=self.now)
            before = len(broker.book.peers)
            self._tell(TimePassed())
            if len(broker.book.peers) != before:
                break
        if self._somebody_is_missed():
            self.dead += 1

    def _somebody_is_missed(self) -> bool:
        here = {link.peer for link in self.links.values()}
        return len(here & set(self.broker.book.peers)) <= self.workers

    # What must hold

    def check(self) -> None:
        """In every state."""
        self.broker.check()
        self.client.check()
        for name, state in self.held.items():
            state.check()
            assert self.allowance or state.running <= 1, "it was given more than it has slots"
            assert state.running - state.behind == len(self.running[name])
        twice = [key for key, runs in self.runs.items() if runs > 1]
        assert self.dead or not twice, f"run twice for nothing: {twice}"

    def check_end(self) -> None:
        """Nothing goes on, and nothing is on its way: all jobs have ended, and nothing is left."""
        missing = set(range(self.jobs)) - set(self.ended)
        assert not missing and not len(self.client), f"jobs that never end: {sorted(missing)}"
        for known in self.broker.book.clients.values():
            assert not known.jobs, f"results that nobody says are taken: {sorted(known.jobs)}"
        for name, state in self.held.items():
            assert not state.held(), f"{name} keeps what has been taken: {state.held()}"
        self.links["client"].up.append(m.Bye(0, "done"))
        while choices := self.choices():
            if choices == [("comes", "client")]:
                break
            self.do(next(one for one in choices if one != ("comes", "client")))
        book = self.broker.book
        assert not (book.clients or book.zombies or book.orphans or book.containers)
        assert not (book.dispatch.demands or book.chores or book.orphans_bytes)
        for name, state in self.held.items():
            assert not state.held(), f"{name} keeps what nobody wants"
        for known in book.workers.values():
            assert not (known.used or known.jobs or known.orphans or known.untaken)

    def copied(self) -> bytes:
        """All of it; for `of`."""
        return pickle.dumps(self, pickle.HIGHEST_PROTOCOL)

    @staticmethod
    def of(copy: bytes) -> "SmallWorld":
        """What was copied."""
        world: SmallWorld = pickle.loads(copy)
        return world


def _who(party: str) -> tuple[str, str]:
    role = "client" if party == "client" else "worker"
    return role, f"{role}:one"
