"""What administrators ask of a broker, and its answers. Pure."""

from typing import ClassVar

import attrs

from maelstrom_core.wire.shapes import Check, octets, prose, session, text, truth

MOST_DOCUMENT_BYTES = 1 << 20
_NAME = text(255)


@attrs.frozen
class AskStatus:
    """Admin → broker: how are things?"""

    KIND: ClassVar = 14
    details: bool = False


@attrs.frozen
class Status:
    """Broker → admin.

    :param document: JSON, as ``maelstrom-admin status --json`` prints it
    """

    KIND: ClassVar = 15
    document: bytes


@attrs.frozen
class Drain:
    """Admin → broker: give a worker nothing new; or do again.

    :param worker: its name
    """

    KIND: ClassVar = 16
    worker: str
    on: bool = True


@attrs.frozen
class CancelRun:
    """Admin → broker: end all jobs of a client.

    :param session: of the client
    """

    KIND: ClassVar = 17
    session: bytes


@attrs.frozen
class Stop:
    """Admin → broker: stop; workers end what they run and go on asking for a broker."""

    KIND: ClassVar = 18


@attrs.frozen
class AskStory:
    """Admin → broker: where has the time of a run gone, and why did its jobs run where they did?

    Answered with `Status`, or with `Answer` if there is no such run or job.

    :param run: name of a client, or how its session begins
    :param job: name of one of its jobs, or its tag; all that is remembered if empty
    """

    KIND: ClassVar = 31
    run: str
    job: str = ""


@attrs.frozen
class Answer:
    """Broker → admin: what has come of `Drain`, `CancelRun` or `Stop`; or why there is no story.

    :param fault: for people; empty if it was done
    """

    KIND: ClassVar = 19
    fault: str = ""


ADMIN_CHECKS: dict[type, tuple[Check, ...]] = {
    AskStatus: (truth,),
    Status: (octets(0, MOST_DOCUMENT_BYTES),),
    Drain: (_NAME, truth),
    CancelRun: (session,),
    Stop: (),
    AskStory: (_NAME, text(4096)),
    Answer: (prose(4096),),
}
"""Of each message, a check for each field, in order."""
