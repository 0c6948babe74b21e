"""Jobs of which nothing that they write may be lost, with the machines that workers and clients have."""

from typing import TYPE_CHECKING, Any

from maelstrom_worker.order_state import OrderedOutput

from maelstrom_core.cluster.order_state import InOrder
from maelstrom_core.wire import messages as m

if TYPE_CHECKING:
    from simulated.machine_worker import MachineWorker
    from simulated.parties import Key, SimClient, SimWorker

BODY = b"in order"
TICK_SECONDS = 0.2


def text_of(run: bytes, number: int) -> bytes:
    return b"%s writes %d\n" % (run, number)


class Writing:
    """One run of a job on a worker: it writes a line now and then.

    :param lines: that it writes
    :param over: called when its client has them all
    """

    def __init__(
        self, worker: "SimWorker | MachineWorker", key: "Key", lines: int, over: Any
    ) -> None:
        self.worker, self.key, self.lines, self.over = worker, key, lines, over
        self.life = worker.lives
        self.run = b"%s/%d" % (worker.session[:8], worker.world.serial())
        self.output = OrderedOutput(key, self.run)
        self.written = 0
        self.is_gone = False
        worker.world.at(worker.world.now, self.tick)

    def tick(self) -> None:
        worker, world = self.worker, self.worker.world
        if self.is_gone or self.life != worker.lives:
            return
        if worker.paused_until > world.now:
            world.at(worker.paused_until, self.tick)
            return
        if self.output.is_over:
            self.is_gone = True
            self.over()
            return
        if self.written < self.lines:
            self.output.add(1 + self.written % 3, text_of(self.run, self.written))
            self.written += 1
        else:
            self.output.end()
        for message in self.output.messages(now=world.now):
            if worker.welcome:
                worker.say(message)
        world.at(world.now + TICK_SECONDS, self.tick)


class Reading:
    """What a client has passed on of one job."""

    def __init__(self, client: "SimClient", tag: int) -> None:
        self.client, self.tag = client, tag
        self.order = InOrder()
        self.passed = b""

    def take(self, message: m.Output) -> None:
        client = self.client
        was_broken = self.order.broken
        self.order.take(message.run, message.offset, message.stream, message.data)
        if self.order.broken and not was_broken:
            assert client.world.wild, "begun twice, and nobody had died"
            client.unwanted.add(self.tag)
            client.say(m.Cancel(client.session, (self.tag,)))
        while (piece := self.order.next()) is not None:
            self.passed += piece[1]
        if self.order.count and not self.order.broken:
            client.say(m.Had(client.session, self.tag, self.order.run, self.order.count))

    def check(self, *, ran: bool) -> None:
        """What was passed on is what one run has written: all of it, if that has ended by itself."""
        lines = self.passed.splitlines(keepends=True)
        assert lines == [text_of(self.order.run, number) for number in range(len(lines))]
        assert not ran or (self.order.is_whole and not self.order.broken), "something is missing"
