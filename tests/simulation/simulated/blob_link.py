"""The way to a broker's blobs, and tasks of parties: requests are late, lost, and done twice; whoever
is refused for want of room asks again for a while.
"""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from maelstrom_core.transfer.asking import FULL_PATIENCE_SECONDS
from maelstrom_core.transfer.blob_directory import BlobDirectory
from maelstrom_core.transfer.contents import looks_like_manifest
from maelstrom_core.transfer.disk_room import Refusal
from maelstrom_core.transfer.server_state import Key, Limits
from maelstrom_core.wire.bulk import Blob, Why
from simulated.disks import Disk, MemoryFiles, name_of

if TYPE_CHECKING:
    from simulated.parties import Party
    from simulated.world import World

AGAIN_SECONDS = 2.0
"""After which a request that was not answered is sent again."""
LIMITS = Limits(most_bytes=1 << 20, share_bytes=1 << 19, upload_bytes=1 << 18, uploads=8)
KEEP_SECONDS = 30.0
"""Where some of the disk must stay free, nothing goes for it that was used in so long."""
SHED_BYTES = 1 << 12


@attrs.frozen
class Ask:
    """A request; it is answered with what this returns.

    :param patiently: whether it is asked again for a while if there is no room
    """

    call: Callable[[BlobDirectory], Any]
    patiently: bool = False


Wanted: TypeAlias = Ask | float
"""Of a task: a request, or seconds to wait."""
Task: TypeAlias = Generator[Wanted, Any, None]


class BlobLink:
    """The broker's blobs, and how they are asked for."""

    def __init__(self, world: "World", disk: Disk) -> None:
        self.world, self.disk = world, disk
        self.refused = self.let_go = 0
        self.files = MemoryFiles(disk)
        self.limits = LIMITS
        if disk.floor:
            self.limits = attrs.evolve(
                LIMITS,
                free_bytes=disk.floor,
                keep_seconds=KEEP_SECONDS,
                shed_bytes=SHED_BYTES,
            )
        self.promised: dict[bytes, tuple[bytes, float]] = {}
        """What was said to be there: digest, bytes, and when. From when it is said: by the time that
        it is heard there may be another broker, and it has not said so."""
        self.start()

    def start(self) -> None:
        """The broker is born, and finds what the one before it has left."""
        # Manifests may go first then, for clients ask each life of the broker for them again.
        known = self.promised.items()
        self.promised = {
            name: one for name, one in known if not looks_like_manifest(one[0], len(one[0]))
        }
        clock = lambda: self.world.now  # noqa: E731
        self.directory = BlobDirectory(
            Path("/blobs"),
            self.limits,
            boot_id="boot",
            clock=clock,
            files=self.files.opened,
            free=lambda: self.disk.room,
        )
        holdings, idle = self.directory.holdings, self.directory.holdings.idle

        def counted(least_bytes: int, now: float) -> list[Key]:
            doomed = idle(least_bytes, now)
            self.let_go += len(doomed)
            return doomed

        holdings.idle = counted  # type: ignore[method-assign]

    def promise(self, data: bytes) -> None:
        """It is said to be there."""
        self.promised[name_of(data)] = (data, self.world.now)

    def is_promised(self, name: bytes) -> bool:
        """Whether it was said to be there, and must be so still."""
        known = self.promised.get(name)
        return known is not None and self.world.now - known[1] < self.limits.keep_seconds

    def run(self, party: "Party", task: Task) -> None:
        """Let a task of a party go on until it ends, or its party does."""
        Running(self, party, task).go_on(None)

    def has(self, data: bytes) -> Ask:
        """Ask whether the broker has this; it is promised for a while if it has."""

        def call(blobs: BlobDirectory) -> bool:
            there = blobs.need([name_of(data)]) == b"\0"
            if there:
                self.promise(data)
            return there

        return Ask(call)

    def put(self, owner: str, data: bytes) -> Task:
        """Have the broker keep this.

        :raises Refusal: if there is no room, and there is none for long
        """
        name, part = name_of(data), 3_000

        def put(blobs: BlobDirectory) -> None:
            blobs.put(owner, [Blob(name, data)])
            self.promise(data)

        def put_part(blobs: BlobDirectory, offset: int) -> int:
            piece = data[offset : offset + part]
            reached = blobs.put_part(owner, name, len(data), offset, piece)
            if reached == len(data):
                self.promise(data)
            return reached

        if len(data) <= part:
            yield Ask(put, patiently=True)
        offset = 0
        while len(data) > part and offset < len(data):
            offset = yield Ask(lambda blobs, at=offset: put_part(blobs, at), patiently=True)

    def check(self) -> None:
        """What must always hold: among it, that what was said to be there is there."""
        self.directory.holdings.check()
        self.files.check()
        for name, (data, _) in self.promised.items():
            size = self.directory.holdings.size(name)
            lost = size != len(data) and self.is_promised(name)
            assert not lost, "a blob is lost that the broker has said to have"

    def check_refusal(self) -> None:
        """There is no room: nothing may be there that nobody has used for a while."""
        items = self.directory.holdings._items.values()
        idle = [one for one in items if self.world.now - one.used >= self.limits.keep_seconds]
        assert not idle, "it is refused, and there is room for it by letting go of what nobody uses"


class Running:
    """A task that goes on."""

    def __init__(self, link: BlobLink, party: "Party", task: Task) -> None:
        self.link, self.party, self.task = link, party, task
        self.life = party.lives
        self.asked_since = 0.0
        self.pause = 0.0

    def go_on(self, answer: Any) -> None:
        world = self.link.world
        if self.life != self.party.lives:
            self.task.close()
            return
        if self.party.paused_until > world.now:
            world.at(self.party.paused_until, self.go_on, answer)
            return
        try:
            task, is_bad = self.task, isinstance(answer, Exception)
            wanted = task.throw(answer) if is_bad else task.send(answer)
        except StopIteration:
            return
        if isinstance(wanted, float):
            world.at(world.now + wanted, self.go_on, None)
            return
        self.asked_since, self.pause = world.now, 0.5
        self.ask(wanted)

    def ask(self, wanted: Ask) -> None:
        world = self.link.world
        if world.rng.random() < 0.02:
            world.at(world.now + AGAIN_SECONDS, self.ask, wanted)  # lost on its way
        else:
            world.at(world.now + world.delay(), self.arrives, wanted, world.life)

    def arrives(self, wanted: Ask, life: int) -> None:
        world, link = self.link.world, self.link
        if life != world.life:
            world.at(world.now + AGAIN_SECONDS, self.ask, wanted)
            return
        world.at(world.now + link.disk.delay(), self.is_done, wanted, life)

    def is_done(self, wanted: Ask, life: int) -> None:
        world = self.link.world
        answer: Any
        if life == world.life:
            try:
                answer = wanted.call(self.link.directory)
            except Refusal as refusal:
                answer = refusal
                if self.link.disk.floor and refusal.why == Why.FULL:
                    self.link.refused += 1
                    self.link.check_refusal()
        if life != world.life or world.rng.random() < 0.02:
            world.at(world.now + AGAIN_SECONDS, self.ask, wanted)  # the answer is lost
            return
        is_full = isinstance(answer, Refusal) and answer.why == Why.FULL
        waited = world.now - self.asked_since
        if is_full and wanted.patiently and waited < FULL_PATIENCE_SECONDS:
            world.at(world.now + self.pause, self.ask, wanted)
            self.pause = min(2 * self.pause, 10.0)
            return
        world.at(world.now + world.delay(), self.go_on, answer)
