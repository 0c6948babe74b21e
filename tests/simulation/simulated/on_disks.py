"""Workers with the machine that real ones have, and clients, whose disks and whose broker's may be full.

What comes of every job is checked here, outside of the machines: once, and whose fault it was.
"""

import re
from typing import TYPE_CHECKING, Any

from maelstrom_broker.limits import MOST_ASKING
from maelstrom_worker import events as ev

from maelstrom_core.transfer.disk_room import Refusal
from maelstrom_core.wire import messages as m
from maelstrom_core.wire.histories import AskCases, KnownCases, LearnedCases, packed
from maelstrom_core.wire.rows import Ending, SubmittedJob
from simulated.blob_link import KEEP_SECONDS, Ask, Task
from simulated.disks import Disk, Layer, Store, name_of
from simulated.machine_worker import MachineWorker
from simulated.parties import Connection, Key, Party

if TYPE_CHECKING:
    from simulated.world import World

SIZES: list[tuple[int, ...]] = [
    (800,), (2_000, 5_000), (9_000,), (4_000, 100), (6_000,), (300, 300), (7_000,), (900,),
]  # fmt: skip
LAYERS = [Layer(number, sizes) for number, sizes in enumerate(SIZES)]
CONTAINERS = [b"on disks %d" % number for number in range(len(LAYERS))]
DIGESTS = [name_of(data) for data in CONTAINERS]
LAYER_OF = dict(zip(DIGESTS, LAYERS, strict=True))
LAST = len(LAYERS) - 1
"""A container that only the last job of each client is in."""
FILE_BYTES = 4_000
"""What some jobs write to the disk of their worker."""
RESULT_BYTES = 3_500
LATE_SECONDS = 40.0
"""So long after all troubles a client has one more job, which must run."""
FAULT_SECONDS = 30.0


def result_of(session: bytes, tag: int) -> bytes:
    """What a job leaves that leaves much."""
    return (b"%s %d " % (session, tag)).ljust(RESULT_BYTES, b"r")


class DiskWorker(MachineWorker):
    """A worker: its machine, a store on a disk, and jobs that are nothing but time and bytes."""

    def __init__(self, world: "World", name: str, slots: int, labels: tuple[str, ...]) -> None:
        self.disk = Disk(world, f"the disk of {name}", 90_000)
        self.store = Store(self.disk)
        super().__init__(world, name, slots, labels)

    def born(self) -> None:
        super().born()
        self.leases: set[bytes] = set()
        self.written: dict[Key, int] = {}
        self.store.making = 0
        self.ending: set[Key] = set()

    def crash(self, seconds: float) -> None:
        for size in self.written.values():
            self.disk.give(size)
        super().crash(seconds)

    def make_ready(self, digest: bytes, make_room: bool) -> None:
        self.world.blobs.run(self, self.bringing(digest, make_room))

    def start(self, key: Key, row: Any) -> None:
        self.world.blobs.run(self, self.running(key, row))

    def end(self, key: Key) -> None:
        self.ending.add(key)

    def forget(self, digest: bytes) -> None:
        self.leases.discard(LAYER_OF[digest].name)

    def bringing(self, digest: bytes, make_room: bool) -> Task:
        layer = LAYER_OF[digest]
        if make_room:
            self.store.evict(self.leases)
        self.store.making += 1
        why: ev.Event = ev.Ready(digest)
        try:
            for name in (layer.name, *layer.names):
                if name in self.store.blobs and (name != layer.name or name in self.store.layers):
                    continue
                blobs, gone, _ = yield Ask(lambda there, name=name: there.get([name]))
                if gone:
                    why = ev.NotReady(digest, "the broker has not all of it")
                    break
                yield self.disk.delay()
                self.store.add(name, len(blobs[0].data))
            else:
                self.store.layers[layer.name] = layer
                self.leases.add(layer.name)
        except OSError:
            why = ev.NotReady(digest, f"{self.disk.whose} is full", is_full=True)
        self.store.making -= 1
        self.tell(why)

    def running(self, key: Key, row: Any) -> Task:
        session, tag = key
        ending, body = Ending.RAN, b"%s %d" % key
        seconds = self.world.rng.expovariate(2)
        while seconds > 0 and key not in self.ending:
            yield min(seconds, 0.2)
            seconds -= 0.2
        if row.body == b"writes" and key not in self.ending:
            try:
                self.disk.take(FILE_BYTES)
                self.written[key] = FILE_BYTES
                yield self.disk.delay()
                self.disk.give(self.written.pop(key))
            except OSError:
                body = f"host failed: {self.disk.whose} is full".encode()
        if row.body == b"leaves much" and key not in self.ending:
            try:
                data = result_of(session, tag)
                yield from self.world.blobs.put(self.name, data)
                ending, body = Ending.STORED, name_of(data)
            except Refusal as refusal:
                body = b"host failed: " + refusal.text.encode()
        self.ending.discard(key)
        self.tell(ev.Ended(key, ending, body))


class DiskClient(Party):
    """A client: sends what is in its containers, hands in its jobs, and looks at what comes of them."""

    role = "client"

    def __init__(self, world: "World", name: str, jobs: int) -> None:
        self.number = jobs
        super().__init__(world, name)

    def born(self) -> None:
        super().born()
        world, rng = self.world, self.world.rng
        self.results: dict[int, str] = {}
        self.unwanted: set[int] = set()
        self.given: set[int] = set()
        self.ready: set[int] = set()
        self.sending: set[int] = set()
        self.faults: dict[int, tuple[float, str]] = {}
        self.asking: set[int] = set()
        self.answered: set[int] = set()
        self.getting: set[int] = set()
        world.at(world.now + 1.5, self.ask, self.lives)
        if world.blobs.disk.floor:
            world.at(world.now + KEEP_SECONDS / 3, self.keep, self.lives)
        self.again: dict[int, int] = {}
        """Tags of jobs that are handed in once more, and those that they had first."""
        self.rows: dict[int, tuple[int, tuple[str, ...], SubmittedJob]] = {}
        """Of all tags."""
        self.jobs: dict[int, tuple[int, tuple[str, ...], SubmittedJob]] = {}
        for tag in range(self.number):
            labels, slots = rng.choice([((), 1)] * 6 + [(("gpu",), 1), ((), 2)])
            body = rng.choice([b"job"] * 4 + [b"writes", b"leaves much"])
            which = LAST if tag == self.number - 1 else rng.randrange(LAST)
            if tag == self.number - 1:
                labels, body = (), b"job"
            row = SubmittedJob(tag, rng.randint(-1, 1), rng.randint(-1, 1000), slots, body)
            self.jobs[tag] = self.rows[tag] = (which, labels, row)
            late = world.quiet_from + LATE_SECONDS
            when = late if tag == self.number - 1 else rng.random() * world.quiet_from
            world.at(max(world.now + 1.5, when), self.hand_in, self.lives, tag)

    # Handing in

    def hand_in(self, life: int, tag: int) -> None:
        if life != self.lives:
            return
        self.given.add(tag)
        self.submit(tag)
        if self.world.rng.random() < 0.05 and tag != self.number - 1:
            self.unwanted.add(tag)
            self.say_if_up(m.Cancel(self.session, (tag,)))
            if self.jobs[tag][0] not in self.ready:
                self.ends(tag, "cancelled")  # it has not been handed in

    def say_if_up(self, message: Any) -> None:
        if self.welcome:
            self.say(message)

    def submit(self, tag: int) -> None:
        which, labels, row = self.rows[tag]
        over = {*self.results, *self.getting, *self.again.values()}
        if tag in over or self.again.get(tag) in (*self.results, *self.getting):
            return
        if which in self.ready:
            self.say_if_up(m.Submit(DIGESTS[which], (row,), labels))
        elif which in self.faults and self.world.now - self.faults[which][0] < FAULT_SECONDS:
            self.ends(tag, self.faults[which][1])
        elif which not in self.sending:
            self.sending.add(which)
            self.world.blobs.run(self, self.send(which))

    def send(self, which: int) -> Task:
        layer, blobs = LAYERS[which], self.world.blobs
        began = self.world.now
        try:
            if not (yield blobs.has(layer.manifest)):
                for data in layer.files:
                    if not (yield blobs.has(data)):
                        yield from blobs.put(self.name, data)
                yield from blobs.put(self.name, layer.manifest)
        except Refusal as refusal:
            assert blobs.disk.was_full(began), f"it had room: {refusal.text}"
            self.faults[which] = (self.world.now, f"host failed: {refusal.text}")
            self.ready.discard(which)
        else:
            self.ready.add(which)
            self.faults.pop(which, None)
            self.say_if_up(m.ContainerBytes(DIGESTS[which], CONTAINERS[which]))
        self.sending.discard(which)
        for tag, (of, _, _) in list(self.rows.items()):
            if of == which and self.again.get(tag, tag) in self.given:
                self.submit(tag)

    def keep(self, life: int) -> None:
        """Say now and then what is in use; what is not there any more is sent again."""
        if life != self.lives:
            return
        self.world.at(self.world.now + KEEP_SECONDS / 3, self.keep, life)
        for which in sorted(self.ready - self.sending):
            self.sending.add(which)
            self.world.blobs.run(self, self.send(which))

    def welcomed(self) -> None:
        for which in self.ready:
            self.say(m.ContainerBytes(DIGESTS[which], CONTAINERS[which]))
        for tag in self.rows:
            if self.again.get(tag, tag) in self.given and self.rows[tag][0] in self.ready:
                self.submit(tag)
        for tag in self.unwanted - set(self.results):
            self.say(m.Cancel(self.session, (tag,)))

    # What is known of cases

    def lost(self, connection: Connection) -> None:
        if connection is self.connection:
            self.asking.clear()
        super().lost(connection)

    def ask(self, life: int) -> None:
        """Tell of a case and ask what is known, now and then."""
        world = self.world
        if life != self.lives or world.now > world.quiet_from:
            return
        world.at(world.now + world.rng.random() * 10, self.ask, life)
        if self.welcome and self.connection is not None and len(self.asking) < MOST_ASKING:
            (cases,) = packed([(b"%16d" % world.serial(), 1, False)])
            self.say(LearnedCases(b"p" * 32, cases))
            self.asking.add(request := world.serial())
            self.say(AskCases(request, b"p" * 32))

    # What comes of them

    def got(self, message: Any) -> None:
        if isinstance(message, KnownCases):
            assert message.request not in self.answered, "answered twice"
            if message.is_last:
                self.asking.discard(message.request)
                self.answered.add(message.request)
        if isinstance(message, m.Results):
            for row in message.jobs:
                self.ended(row)
            self.say(m.Taken(self.session, tuple(row.tag for row in message.jobs)))

    def ended(self, row: Any) -> None:
        first = self.again.get(row.tag, row.tag)
        if first in self.results or (row.tag == first and first in self.again.values()):
            return  # told again
        match row.ending:
            case Ending.RAN:
                self.ends(first, row.body.decode())
            case Ending.STORED if first in self.getting:
                pass
            case Ending.STORED:
                self.getting.add(first)
                self.world.blobs.run(self, self.get(first, row.body))
            case Ending.UNFIT:
                self.unfit(first, row)
            case Ending.CANCELLED:
                assert first in self.unwanted, "nobody wanted it to end"
                self.ends(first, "cancelled")
            case _:
                assert self.world.wild, f"an ending that nothing explains: {row}"
                self.ends(first, "host failed: its workers were lost")

    def unfit(self, first: int, row: Any) -> None:
        """What is in its container may be gone from the broker: all of it once more."""
        which, labels, wanted = self.jobs[first]
        fit = [
            worker.disk
            for worker in self.world.workers
            if worker.slots >= wanted.slots and {*labels} <= {*worker.labels}
        ]
        gone = self.world.blobs.disk.full_at or self.world.wild
        assert gone or all(disk.full_at for disk in fit), "there is a worker that had room"
        if row.tag != first or first in self.unwanted:
            self.ends(first, "cancelled" if first in self.unwanted else self._why(row))
            return
        tag = first + 10_000
        self.again[tag] = first
        self.rows[tag] = (which, labels, wanted._replace(tag=tag))
        self.ready.discard(which)
        self.submit(tag)

    def _why(self, row: Any) -> str:
        lines = row.body.decode().splitlines()
        for line in lines:
            name = line.partition(":")[0]
            worker = next(one for one in self.world.workers if one.name == name)
            is_full = line == f"{name}: {worker.disk.whose} is full"
            died = self.world.wild and line == f"{name}: it died"
            assert (is_full and worker.disk.full_at) or died or "has not all of it" in line, line
        assert lines, "nobody is named"
        return "host failed: " + "; ".join(lines)

    def get(self, first: int, name: bytes) -> Task:
        blobs, gone, _ = yield Ask(lambda there: there.get([name]))
        assert not gone or not self.world.blobs.is_promised(name), "a result is lost"
        if gone:
            self.ends(first, "host failed: its result is not at the broker any more")
            return
        self.ends(first, blobs[0].data.decode().strip("r"))

    def ends(self, tag: int, outcome: str) -> None:
        """The one outcome of a job."""
        first = self.again.get(tag, tag)
        if first in self.unwanted and first in self.results:
            return
        assert first not in self.results, "it ends twice"
        self.results[first] = outcome
        ran = {f"{self.session.decode()} {one}" for one in (first, first + 10_000)}
        if outcome == "cancelled" or outcome.strip() in ran:
            return
        named = re.findall(r"the disk of (\w+) is full", outcome)
        assert outcome.startswith("host failed: "), outcome
        full = {one.name for one in self.world.workers if one.disk.full_at}
        assert set(named) <= full, f"it was not full: {outcome}"
        if "the broker" in outcome:
            # When it is full it lets go of manifests that nobody has asked for since it was started.
            assert self.world.blobs.disk.full_at, f"it was not full: {outcome}"
        elif not named:
            assert self.world.wild, f"nobody's fault: {outcome}"

    def check(self) -> None:
        """When all is over."""
        last = self.results[self.number - 1].strip()
        assert not self.asking, "questions that are never answered"
        if not self.world.wild:
            assert last.startswith(self.session.decode()), f"it is not over: {last}"
        if not any(worker.disk.full_at for worker in self.world.workers):
            named = [one for one in self.results.values() if "the disk of" in one]
            assert not named
