"""What a worker's machine wants to be done. Pure."""

from typing import TypeAlias

import attrs

from maelstrom_core.wire.messages import Message
from maelstrom_core.wire.rows import RunJob
from maelstrom_worker.events import Key


@attrs.frozen
class Say:
    """Send this, if the link is up."""

    message: Message


@attrs.frozen
class Read:
    """Read this container; `Unreadable` follows if that fails, before anything else is done."""

    digest: bytes
    data: bytes


@attrs.frozen
class MakeReady:
    """Bring what is in a container; `Ready` or `NotReady` follows.

    :param make_room: remove before that whatever nobody needs, for the disk is full
    """

    digest: bytes
    make_room: bool = False


@attrs.frozen
class Start:
    """Run a job; `Ended` follows."""

    key: Key
    container: bytes
    row: RunJob


@attrs.frozen
class End:
    """Cancel a job that runs; `Ended` follows, whatever it says is not told."""

    key: Key


@attrs.frozen
class Forget:
    """What is in a container is not needed for now.

    :param for_good: nor is the container; it comes again before another job in it does
    """

    digest: bytes
    for_good: bool


Effect: TypeAlias = Say | Read | MakeReady | Start | End | Forget
