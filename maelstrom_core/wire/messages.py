"""Every message of the control links, and how each is checked. Pure.

A message is one CBOR array: its kind, then its fields by position. Fields are only ever appended, with
defaults; those that a receiver does not know are ignored. What is idle or lossy needs no answer;
all else is safe to repeat, because a job is known everywhere by the session of its client and by the
*tag* that the client has given it. After every new connection both sides say what they hold, and what
is missing is said again.

Bodies (of jobs, of their results) are opaque to the broker; only the name of a job is read out of its
body, when people want to see it (`label_plan`).
"""

import enum
from typing import ClassVar, TypeAlias

import attrs

from maelstrom_core.wire import rows
from maelstrom_core.wire.administration import (
    ADMIN_CHECKS,
    Answer,
    AskStatus,
    AskStory,
    CancelRun,
    Drain,
    Status,
    Stop,
)
from maelstrom_core.wire.histories import HISTORY_CHECKS, AskCases, KnownCases, LearnedCases
from maelstrom_core.wire.rows import DoneJob, HeldJob, JobResultRow, RunJob, SubmittedJob
from maelstrom_core.wire.shapes import (
    Check,
    digest,
    each,
    octets,
    prose,
    session,
    text,
    truth,
    whole,
)
from maelstrom_core.wire.terminals import (
    TERMINAL_CHECKS,
    HadTerminal,
    ShowTerminal,
    TypeTerminal,
)

VERSION = 1
OLDEST_VERSION = 1
MOST_MESSAGE_BYTES = 1 << 20
"""Of one message; the sockets are told so too."""
MOST_CONTAINER_BYTES = 256 << 10
MOST_TAGS = 4096
MOST_OUTPUT_BYTES = 64 << 10
MOST_HELD = 20_000
"""Jobs that a worker may hold."""


class Code(enum.IntEnum):
    """Why a link ends."""

    GOODBYE = 0
    """Nothing is wrong; the peer stops."""
    VERSION = 1
    """No version is spoken by both."""
    PROTOCOL = 2
    """The other has sent what no peer sends."""
    ROLE = 3
    """Its key does not allow this."""
    SLOW = 4
    """It did not take what it was sent; it may come again."""
    REPLACED = 5
    """The same session has come by another connection."""
    STOPPED = 6
    """Somebody who may has stopped it."""


_tags = each(rows.tag_check, MOST_TAGS)
_label = text(255)
_labels = each(_label, 64)
_name = text(255)
_run = octets(0, 32)


@attrs.frozen
class Hello:
    """The first message of every connection, from whoever has connected.

    :param oldest: first version of the protocol that it speaks
    :param newest: the last
    :param software: name and version of the program, for people
    :param session: random, and the same over all connections of a process
    :param name: of a worker or a user, for people; unique only together with the session
    :param boot: of the broker that it was welcomed by last; empty if by none
    :param slots: of a worker: how many one-slot jobs it runs at once
    :param labels: of a worker: what jobs may ask for
    :param weight: of a client: its share, if others wait too
    :param held: of a worker: what it holds, told so that none of it is run twice
    :param most_behind: of a worker: how many jobs may wait behind its slots, at most; 0 of one that
        knows nothing of `GiveBack`
    """

    KIND: ClassVar = 1
    oldest: int
    newest: int
    software: str
    session: bytes
    name: str
    boot: bytes = b""
    slots: int = 0
    labels: tuple[str, ...] = ()
    weight: int = 1
    held: tuple[HeldJob, ...] = ()
    most_behind: int = 0


@attrs.frozen
class Welcome:
    """The broker's answer to `Hello`.

    :param version: of the protocol, from now on
    :param boot: random, of this life of the broker
    :param beat_ms: say something at least this often; who is silent five times as long is dead
    :param window_jobs: how many jobs of a client may be handed in whose results it has not taken
    :param bulk_port: TCP port of the bulk link, on the same host and with the same keys
    :param slots: of all workers together, now; 0 if it does not say
    :param keeps_history: whether it keeps what clients learn of cases; one that does not say so knows
        nothing of those messages (`maelstrom_core.wire.histories`)
    :param passes_terminals: whether it passes on what `maelstrom_core.wire.terminals` says
    :param away_ms: in how long a client that is gone may come again and find its jobs
    """

    KIND: ClassVar = 2
    version: int
    boot: bytes
    beat_ms: int
    window_jobs: int
    bulk_port: int
    slots: int = 0
    keeps_history: bool = False
    passes_terminals: bool = False
    away_ms: int = 30_000


@attrs.frozen
class Bye:
    """The last message of a connection.

    :param code: one of `Code`
    :param text: for people
    """

    KIND: ClassVar = 3
    code: int
    text: str


@attrs.frozen
class Beat:
    """Says that its sender lives; the broker answers each with the same number.

    :param free_slots: of a worker
    """

    KIND: ClassVar = 4
    sequence: int
    free_slots: int = 0


@attrs.frozen
class ContainerBytes:
    """A container, before the first job in it; once for each connection.

    :param digest: of ``data``, which is what `maelstrom_core.model.plain.encode` made of it
    """

    KIND: ClassVar = 5
    digest: bytes
    data: bytes


@attrs.frozen
class Submit:
    """Client → broker: jobs of one container. Those that the broker knows already are not run again.

    :param labels: a worker must have all of them
    """

    KIND: ClassVar = 6
    container: bytes
    jobs: tuple[SubmittedJob, ...]
    labels: tuple[str, ...] = ()


@attrs.frozen
class Run:
    """Broker → worker: jobs of one client and one container. Those for which it has no slots free wait
    there, behind all that came before; no more of them than its `Hello` says."""

    KIND: ClassVar = 7
    session: bytes
    container: bytes
    jobs: tuple[RunJob, ...]


@attrs.frozen
class Started:
    """Worker → broker → client: these jobs run now. May be lost.

    :param waits: they have slots, and their programs wait for what they need, such as a template; it is
        said again when these run
    """

    KIND: ClassVar = 8
    session: bytes
    tags: tuple[int, ...]
    waits: bool = False


@attrs.frozen
class Output:
    """Worker → broker → client: what a job writes, as it comes. May be lost: all is in the result, or it
    is sent again until `Had` names it.

    :param stream: 1 for stdout, 2 for stderr, 3 for the report
    :param offset: how much the attempt had written to it before, so that a gap is seen; of output in
        order its number, from 0 for the empty one that says that the job begins, to another empty one,
        after which nothing follows
    :param run: of output in order: an id of this one run of the job; empty for all other
    """

    KIND: ClassVar = 9
    session: bytes
    tag: int
    stream: int
    data: bytes
    offset: int = 0
    run: bytes = b""


@attrs.frozen
class Done:
    """Worker → broker: attempts that ended, of one client; repeated until `Taken` names them."""

    KIND: ClassVar = 10
    session: bytes
    jobs: tuple[DoneJob, ...]


@attrs.frozen
class Results:
    """Broker → client: jobs that ended; repeated after each new connection until `Taken` names them."""

    KIND: ClassVar = 11
    jobs: tuple[JobResultRow, ...]


@attrs.frozen
class Taken:
    """Client → broker → worker: these results have arrived, and may be forgotten."""

    KIND: ClassVar = 12
    session: bytes
    tags: tuple[int, ...]


@attrs.frozen
class Cancel:
    """Client → broker → worker: these jobs are not wanted any more; each ends all the same."""

    KIND: ClassVar = 13
    session: bytes
    tags: tuple[int, ...]


@attrs.frozen
class Had:
    """Client → broker → worker: output in order has been passed on, as far as that. May be lost.

    :param run: which run of the job
    :param count: all with smaller numbers may be forgotten
    """

    KIND: ClassVar = 30
    session: bytes
    tag: int
    run: bytes
    count: int


@attrs.frozen
class GiveBack:
    """Broker → worker: do not run these jobs, if they wait behind its slots.

    :param number: of this wish, larger than all before in the broker's life; one that is not is
        repeated, and nothing is done about it
    """

    KIND: ClassVar = 32
    number: int
    session: bytes
    tags: tuple[int, ...]


@attrs.frozen
class GivenBack:
    """Worker → broker: these jobs had not begun, and are not there any more. The answer to each
    `GiveBack`; what that had named besides has begun, or has ended.

    :param number: of the wish; 0 from a worker that stops and begins nothing more
    """

    KIND: ClassVar = 33
    number: int
    session: bytes
    tags: tuple[int, ...]


Message: TypeAlias = (
    Hello
    | Welcome
    | Bye
    | Beat
    | ContainerBytes
    | Submit
    | Run
    | Started
    | Output
    | Done
    | Results
    | Taken
    | Cancel
    | Had
    | GiveBack
    | GivenBack
    | AskStatus
    | Status
    | Drain
    | CancelRun
    | Stop
    | AskStory
    | Answer
    | AskCases
    | KnownCases
    | LearnedCases
    | ShowTerminal
    | TypeTerminal
    | HadTerminal
)

CHECKS: dict[type, tuple[Check, ...]] = {
    Hello: (
        whole(0, 1 << 31),
        whole(0, 1 << 31),
        text(255),
        session,
        _name,
        octets(0, 16),
        whole(0, rows.MOST_SLOTS),
        _labels,
        whole(1, 1000),
        each(rows.held, MOST_HELD),
        whole(0, rows.MOST_BEHIND),
    ),
    Welcome: (
        whole(0, 1 << 31),
        octets(16, 16),
        whole(1, 3_600_000),
        whole(1, 10_000_000),
        whole(0, 65_535),
        whole(),
        truth,
        truth,
        whole(1, 1_000_000_000),
    ),
    Bye: (whole(0, 1 << 16), prose(4096)),
    Beat: (whole(), whole(0, rows.MOST_SLOTS)),
    ContainerBytes: (digest, octets(1, MOST_CONTAINER_BYTES)),
    Submit: (digest, each(rows.submitted, rows.MOST_ROWS), _labels),
    Run: (session, digest, each(rows.to_run, rows.MOST_ROWS)),
    Started: (session, _tags, truth),
    Output: (session, rows.tag_check, whole(1, 3), octets(0, MOST_OUTPUT_BYTES), whole(), _run),
    Done: (session, each(rows.done, rows.MOST_ROWS)),
    Results: (each(rows.result, rows.MOST_ROWS),),
    Taken: (session, _tags),
    Cancel: (session, _tags),
    Had: (session, rows.tag_check, _run, whole()),
    GiveBack: (whole(), session, _tags),
    GivenBack: (whole(), session, _tags),
    **ADMIN_CHECKS,
    **HISTORY_CHECKS,
    **TERMINAL_CHECKS,
}
"""Of each message, a check for each field, in order."""
