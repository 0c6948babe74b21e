"""The engine's side of slot processes: start them, speak with them, replace those that are lost."""

import os
import signal
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Literal

import trio

from maelstrom_core.container.control_groups import OWN, grouped
from maelstrom_core.container.messages import (
    Changed,
    Ended,
    Launch,
    Left,
    Lost,
    NotStarted,
    Output,
    Prepare,
    Said,
    Shown,
    SlotMessage,
    Started,
    TerminalCommand,
    packed_command,
)
from maelstrom_core.container.packets import has_room, receive, send
from maelstrom_core.container.plan import launch_arguments
from maelstrom_core.container.remedies import explain
from maelstrom_core.container.slot_process import (
    MOST,
    Kind,
    SlotProcess,
    end_spares,
    kind_of,
    start_early,
    take,
)
from maelstrom_core.errors import HostError

Interpreter = Literal["auto", "stub", "python"]


class Slot:
    """A `SlotPort` on a real slot process, which is started anew when it is lost."""

    def __init__(self, index: int, interpreter: Interpreter) -> None:
        self.index = index
        self._interpreter = interpreter
        self._processes: dict[Kind, SlotProcess] = {}
        self._aside: dict[int, SlotProcess] = {}
        self._containers: dict[str, Prepare] = {}
        self._current: tuple[int, Kind] | None = None
        self._messages: deque[SlotMessage] = deque()
        self._listening: Callable[[], None] = _nobody
        self.degraded: tuple[str, ...] = ()

    def start(self) -> None:
        """Start the process that most jobs need."""
        self._process_for(MOST)

    async def ready(self) -> None:
        """Wait until it has namespaces of its own.

        :raises HostError: where the host refuses; with the remedy
        """
        process = self._process_for(MOST)
        await trio.lowlevel.wait_readable(process.control)
        messages = receive(process.control)
        if messages is None:
            raise HostError("a slot process ended as it started", remedy="see its error above")
        for message in messages:
            if message[0] == "refused":
                _, purpose, call, errno = message
                why = explain(call, errno, purpose)
                raise HostError(f"{purpose}: {call}: {why.cause}", remedy=why.remedy)
            self.degraded = message[1]

    def prepare(self, message: Prepare) -> None:
        """See `SlotPort.prepare`."""
        message = grouped(message)
        self._containers[message.key] = message
        self._tell(kind_of(message), ("prepare", message.key, message.spec))

    def forget(self, key: str) -> None:
        """See `SlotPort.forget`."""
        message = self._containers.pop(key, None)
        if message is not None:
            self._tell(kind_of(message), ("forget", key))

    def launch(self, message: Launch) -> None:
        """See `SlotPort.launch`."""
        kind = kind_of(self._containers[message.container])
        if self._current is None or self._current[1] != kind:
            # Whoever waits in `receive` listens to another process.
            self._listening()
        self._current = (message.job, kind)
        packed = (
            message.job,
            message.container,
            launch_arguments(message),
            message.environment,
            os.fsencode(message.working_directory),
            message.output_bytes,
            message.report,
            message.stdin,
            message.terminal,
            message.attachable,
            (message.outputs, message.outputs_bytes),
        )
        self._tell(kind, ("launch", packed))

    def signal(self, job: int, signum: int) -> None:
        """See `SlotPort.signal`."""
        self._tell_job(job, ("signal", job, int(signum)))

    def tell_terminal(self, command: TerminalCommand) -> None:
        """See `SlotPort.tell_terminal`."""
        self._tell_job(command.job, packed_command(command))

    def has_room(self, job: int) -> bool:
        """See `SlotPort.has_room`."""
        process = self._aside.get(job)
        if process is None and self._current is not None and self._current[0] == job:
            process = self._processes.get(self._current[1])
        return process is None or has_room(process.control)

    def _tell_job(self, job: int, message: tuple[Any, ...]) -> None:
        if job in self._aside:
            with suppress(OSError):  # it has just died; receiving finds out
                send(self._aside[job].control, message)
        elif self._current is not None and self._current[0] == job:
            self._tell(self._current[1], message)

    def set_aside(self, job: int) -> None:
        """See `SlotPort.set_aside`."""
        if self._current is not None and self._current[0] == job:
            self._aside[job] = self._processes.pop(self._current[1])
            self._current = None
            self._listening()

    async def receive(self) -> SlotMessage:
        """See `SlotPort.receive`."""
        while not self._messages:
            kind = self._current[1] if self._current else MOST
            process = self._processes.get(kind)
            if process is None and not self._aside:
                await self._needed()
                continue
            process = process or self._process_for(kind)
            if await self._readable(process):
                self._take(kind, process)
                for job in list(self._aside):
                    self._take_aside(job)
        return self._messages.popleft()

    async def _needed(self) -> None:
        """Wait until there is a process that could say something."""
        event = trio.Event()
        self._listening = event.set
        try:
            await event.wait()
        finally:
            self._listening = _nobody

    async def _readable(self, process: SlotProcess) -> bool:
        """Wait until the process has said something, or one that was set aside; false if others are
        to be listened to instead."""
        if self._aside:
            with trio.CancelScope() as scope:
                self._listening = scope.cancel
                await _any_readable([process, *self._aside.values()])
            return not scope.cancelled_caught
        # Once for each job at least: a scope that could be cancelled costs more than the waiting.
        self._listening = partial(trio.lowlevel.notify_closing, process.control)
        try:
            await trio.lowlevel.wait_readable(process.control)
        except trio.ClosedResourceError:
            return False
        finally:
            self._listening = _nobody
        return True

    def _take_aside(self, job: int) -> None:
        """Read a packet of messages of a job that was set aside, if there is one."""
        process = self._aside[job]
        try:
            messages = receive(process.control, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        found = [decoded(message) for message in messages or ()]
        if messages is None:
            found = [Ended(job, int(signal.SIGKILL), 0.0, 0.0, 0.0, 0)]
        self._messages += found
        if any(isinstance(message, Ended) for message in found):
            del self._aside[job]
            process.end()

    def _take(self, kind: Kind, process: SlotProcess) -> None:
        """Read one packet of messages."""
        try:
            messages = receive(process.control, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        if messages is None:
            self._lost(kind)
            return
        for message in messages:
            if message[0] == "refused":
                self._lost(kind)
            elif message[0] != "ready":
                self._messages.append(decoded(message))

    def _lost(self, kind: Kind) -> None:
        """The process is gone; say so, and start another when it is needed."""
        process = self._processes.pop(kind)
        process.end()
        code = process.process.returncode
        job = self._current[0] if self._current and self._current[1] == kind else None
        self._messages.append(Lost(job, f"its slot process ended with status {code}"))

    def _process_for(self, kind: Kind) -> SlotProcess:
        process = self._processes.get(kind)
        if process is None:
            process = self._processes[kind] = take(kind, self._interpreter)
            self._listening()
            for message in self._containers.values():
                if kind_of(message) == kind:
                    send(process.control, ("prepare", message.key, message.spec))
        return process

    def _tell(self, kind: Kind, message: tuple[Any, ...]) -> None:
        known = kind in self._processes
        process = self._process_for(kind)
        if not known and message[0] == "prepare":
            return  # was told with all others
        try:
            send(process.control, message)
        except OSError:
            # It has just died; receiving finds out and tells the engine.
            return

    def end(self) -> None:
        """End its processes."""
        for process in (*self._processes.values(), *self._aside.values()):
            process.end()
        self._processes.clear()
        self._aside.clear()


def _nobody() -> None:
    """Nobody listens."""


async def _any_readable(processes: Sequence[SlotProcess]) -> None:
    """Wait until one of them has said something."""

    async def wait(process: SlotProcess, scope: trio.CancelScope) -> None:
        await trio.lowlevel.wait_readable(process.control)
        scope.cancel()

    async with trio.open_nursery() as nursery:
        for process in processes:
            nursery.start_soon(wait, process, nursery.cancel_scope)


def decoded(message: tuple[Any, ...]) -> SlotMessage:
    """What a slot process says, as a value."""
    kind, *fields = message
    match kind:
        case "started":
            return Started(*fields)
        case "output":
            return Output(*fields)
        case "left":
            return Left(*fields)
        case "changed":
            return Changed(*fields)
        case "ended":
            return Ended(*fields)
        case "shown":
            return Shown(*fields)
        case "asks" | "wants line" | "leaves" | "stays":
            return Said(fields[0], kind, fields[1])
        case _:
            job, purpose, call, errno = fields
            why = explain(call, errno, purpose)
            return NotStarted(job, purpose, call, errno, why.whose, why.cause, why.remedy)


@asynccontextmanager
async def open_slots(
    count: int, *, interpreter: Interpreter = "auto", at_once: bool = True
) -> AsyncIterator[Sequence[Slot]]:
    """Slots for as long as the context lasts; nothing of them is left after it.

    :param count: how many jobs can run at once
    :param interpreter: which interpreter of scripts to use; ``auto`` takes the machine code where
        it can be used
    :param at_once: start the processes of all slots; otherwise of the first, and of each other one
        when it is given its first job
    :raises HostError: where the host refuses containers; with the remedy
    """
    OWN.hold()
    slots = [Slot(index, interpreter) for index in range(count)]
    try:
        first = slots if at_once else slots[:1]
        start_early(len(first), interpreter)
        for slot in first:
            slot.start()
        for slot in first:
            await slot.ready()
        yield slots
    finally:
        for slot in slots:
            slot.end()
        end_spares()
        OWN.release()
