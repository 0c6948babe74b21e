"""What the engine expects of slots, as a protocol. Pure."""

from typing import Protocol

from maelstrom_core.container.messages import (
    Fork,
    Launch,
    Prepare,
    SlotMessage,
    TemplateMessage,
    TerminalCommand,
)


class SlotPort(Protocol):
    """One slot: runs one job at a time."""

    @property
    def index(self) -> int:
        """Its number, from 0."""

    def prepare(self, message: Prepare) -> None:
        """Have a container made ready; returns at once. What fails is told by launches."""

    def launch(self, message: Launch) -> None:
        """Start a job; returns at once. Exactly one `Ended`, `NotStarted` or `Lost` follows."""

    def signal(self, job: int, signum: int) -> None:
        """Send a signal to a job's program; SIGKILL ends its whole container. Returns at once."""

    def tell_terminal(self, command: TerminalCommand) -> None:
        """Tell a job's terminal something; nothing if it has just ended. Returns at once."""

    def has_room(self, job: int) -> bool:
        """Whether `tell_terminal` returns at once, though it may have much to tell."""

    def set_aside(self, job: int) -> None:
        """Let the job that it runs go on by itself, and run others; returns at once.

        What that job says still comes from here; it is known by its number.
        """

    def forget(self, key: str) -> None:
        """Let go of a prepared container; returns at once."""

    async def receive(self) -> SlotMessage:
        """Wait for what the slot says next."""


class TemplatePort(Protocol):
    """One template: a program that stays, and is forked for each job."""

    def fork(self, message: Fork) -> None:
        """Start a job; returns at once. Exactly one `Ended`, `NotStarted` or `Unfit` follows, or one
        `Ended`, `NotStarted` or `Lost` of the template itself."""

    def signal(self, job: int, signum: int) -> None:
        """Send a signal to a job's program; SIGKILL ends its whole container. Returns at once."""

    def tell_terminal(self, command: TerminalCommand) -> None:
        """Tell a job's terminal something; nothing if it has just ended. Returns at once."""

    def has_room(self) -> bool:
        """Whether `tell_terminal` returns at once, though it may have much to tell."""

    async def receive(self) -> TemplateMessage:
        """Wait for what it says next."""

    def end(self) -> None:
        """End the template and all jobs that are forks of it. Returns at once."""


class OpenTemplate(Protocol):
    """Starts templates."""

    def __call__(self, prepare: Prepare, launch: Launch, *, ahead: int) -> TemplatePort:
        """Start a template; returns at once.

        :param prepare: its container
        :param launch: its program, as job 0
        :param ahead: how many forks to keep waiting for what they are to do
        """
