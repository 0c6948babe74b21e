"""What the engine expects of slots, as a protocol. Pure."""

from typing import Protocol

from maelstrom_core.container.messages import Launch, Prepare, SlotMessage


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

    def forget(self, key: str) -> None:
        """Let go of a prepared container; returns at once."""

    async def receive(self) -> SlotMessage:
        """Wait for what the slot says next."""
