"""A worker with the machine that real ones have; what it runs is for others to say."""

import math
from typing import Any, assert_never

from maelstrom_worker import effects as do
from maelstrom_worker import events as ev
from maelstrom_worker.jobs_state import JobsState

from maelstrom_core.wire import messages as m
from simulated.parties import Connection, Key, WorkerParty

LIVE_SECONDS = 0.2
"""After so long it is said that a job has begun."""


class MachineWorker(WorkerParty):
    """What is the same of all of them."""

    def born(self) -> None:
        super().born()
        self.state = JobsState(self.slots)
        self.alarm = math.inf

    @property
    def held(self) -> tuple[Any, ...]:
        return self.state.held()

    def hello(self) -> m.Hello:
        return m.Hello(
            1, 1, "model", self.session, self.name, self.boot, self.slots, self.labels, 1,
            self.state.held(),
            most_behind=self.state.most_behind if self.world.allowance else 0,
        )  # fmt: skip

    def leave(self) -> None:
        super().leave()
        self.tell(ev.LinkDown())

    def lost(self, connection: Connection) -> None:
        if connection is self.connection:
            self.tell(ev.LinkDown())
        super().lost(connection)

    def welcomed(self) -> None:
        self.tell(ev.LinkUp())

    def got(self, message: Any) -> None:
        self.tell(ev.Came(message))
        used = sum(row.slots for row in self.state.held())
        assert used <= self.slots, "more than it has slots"

    def tell(self, event: ev.Event) -> None:
        """The machine is told, and what it wants is done."""
        for effect in self.state.step(event, now=self.world.now):
            match effect:
                case do.Say(message):
                    self.say(message)
                case do.Read():
                    pass
                case do.MakeReady(digest, make_room):
                    self.make_ready(digest, make_room)
                case do.Start(key, _, row):
                    self.world.runs[key] += 1
                    self.start(key, row)
                case do.End(key):
                    self.end(key)
                case do.Forget(digest):
                    self.forget(digest)
                case _:
                    assert_never(effect)
        self.state.check()
        if self.state.next_deadline() != self.alarm:
            self.alarm = self.state.next_deadline()
            if self.alarm < math.inf:
                self.world.at(self.alarm, self.ring, self.lives, self.alarm)

    def ring(self, life: int, alarm: float) -> None:
        if life != self.lives or alarm != self.alarm:
            return
        if self.paused_until > self.world.now:
            self.world.at(self.paused_until, self.ring, life, alarm)
            return
        self.alarm = math.inf
        self.tell(ev.TimePassed())

    # For those that are of some kind

    def make_ready(self, digest: bytes, make_room: bool) -> None: ...

    def start(self, key: Key, row: Any) -> None: ...

    def end(self, key: Key) -> None: ...

    def forget(self, digest: bytes) -> None: ...
