"""The engine's side of templates: starts their slot processes and speaks with them."""

import socket
from collections import deque
from typing import Any

import trio

from maelstrom_core.container import early_template
from maelstrom_core.container.control_groups import grouped
from maelstrom_core.container.messages import (
    Fork,
    Launch,
    Lost,
    Measured,
    Prepare,
    TemplateMessage,
    TerminalCommand,
    Unfit,
    Warm,
    packed_command,
)
from maelstrom_core.container.packets import has_room, receive, send
from maelstrom_core.container.runtime import Interpreter, decoded
from maelstrom_core.container.slot_process import take


class TemplateSlot:
    """A `TemplatePort` on a real slot process."""

    def __init__(
        self, prepare: Prepare, launch: Launch, *, ahead: int, interpreter: Interpreter = "auto"
    ) -> None:
        """Start it; see `OpenTemplate`."""
        self._messages: deque[TemplateMessage] = deque()
        self._ended = False
        what = early_template.told(grouped(prepare), launch, ahead=ahead, interpreter=interpreter)
        early = early_template.taken(what)
        self._process = take(what.kind, interpreter) if early is None else early
        if early is None:
            for message in what.messages:
                self._tell(*message)

    def fork(self, message: Fork) -> None:
        """See `TemplatePort.fork`."""
        self._tell("fork", message.job, message.request, message.output_bytes)

    def signal(self, job: int, signum: int) -> None:
        """See `TemplatePort.signal`."""
        self._tell("signal", job, int(signum))

    def tell_terminal(self, command: TerminalCommand) -> None:
        """See `TemplatePort.tell_terminal`."""
        self._tell(*packed_command(command))

    def has_room(self) -> bool:
        """See `TemplatePort.has_room`."""
        return self._ended or has_room(self._process.control)

    async def receive(self) -> TemplateMessage:
        """See `TemplatePort.receive`."""
        while not self._messages:
            await trio.lowlevel.wait_readable(self._process.control)
            self._take()
        return self._messages.popleft()

    def _take(self) -> None:
        try:
            messages = receive(self._process.control, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        if messages is None:
            self._process.end()
            code = self._process.process.returncode
            self._messages.append(Lost(None, f"its slot process ended with status {code}"))
            return
        for message in messages:
            match message:
                case ("ready", _):
                    pass
                case ("refused", purpose, call, errno):
                    self._messages.append(decoded(("not started", 0, purpose, call, errno)))
                case ("warm", unfit, memory_bytes):
                    self._messages.append(Warm(tuple(unfit), memory_bytes))
                case ("memory", memory_bytes):
                    self._messages.append(Measured(memory_bytes))
                case ("unfit", job, why):
                    self._messages.append(Unfit(job, tuple(why)))
                case _:
                    self._messages.append(decoded(message))

    def _tell(self, *message: Any) -> None:
        if self._ended:
            return
        try:
            send(self._process.control, message)
        except OSError:
            return  # it has just died; receiving finds out and tells the engine

    def end(self) -> None:
        """See `TemplatePort.end`."""
        if not self._ended:
            self._ended = True
            self._process.end()
