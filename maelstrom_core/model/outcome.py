"""Every ending a job can have, and whose fault it was. Pure."""

import enum
from typing import TypeAlias

import attrs

from maelstrom_core.model.digest import Digest
from maelstrom_core.model.left_running import tidied
from maelstrom_core.model.limits import LimitHit
from maelstrom_core.model.plain import tagged_union


class Whose(enum.Enum):
    """Whose doing an ending was."""

    JOB = "the job"
    USER = "you"
    HOST = "this host"
    US = "maelstrom"


@attrs.frozen
class Exited:
    """The program ended by itself with a status of 0 to 255."""

    code: int


@attrs.frozen
class Signaled:
    """A signal ended the program that nobody of ours had sent.

    :param signal: its number
    :param core_dumped: whether the kernel says that a core was written
    """

    signal: int
    core_dumped: bool = False


@attrs.frozen
class OverLimit:
    """It was ended since it used more than it may.

    :param hit: which limit, and what keeps it
    :param signal: the signal that ended its program
    """

    hit: LimitHit
    signal: int


@attrs.frozen
class TimedOut:
    """It ran longer than it may.

    :param seconds: the limit
    :param killed: it did not end on TERM within its grace and was killed
    """

    seconds: float
    killed: bool


@attrs.frozen
class CouldNotStart:
    """The program never ran.

    :param step: what was being done, in words ("show /etc/hosts to the job")
    :param call: the system call that failed
    :param errno: its error number
    :param cause: likely cause, one sentence
    :param remedy: what to do next
    :param whose: `Whose.USER` for a missing program or mount source, `Whose.HOST` for a host that
        will not allow it, `Whose.US` for a plan of ours that was wrong
    """

    step: str
    call: str
    errno: int
    cause: str
    remedy: str
    whose: Whose


@attrs.frozen
class HostFailed:
    """This machine failed while the job was prepared or ran: a full disk, a slot process killed."""

    reason: str
    remedy: str = ""


@attrs.frozen
class InputFailed:
    """What the job needs could not be made ready: a missing file, a bad archive.

    :param faults: one line each
    """

    faults: tuple[str, ...]


@attrs.frozen
class Cancelled:
    """It was not wanted any more; it may or may not have run for a while.

    :param reason: who ended it and why ("Ctrl-C", "stopped after 1 failure")
    :param ran: whether the program had started
    """

    reason: str
    ran: bool


Outcome: TypeAlias = (
    Exited | Signaled | OverLimit | TimedOut | CouldNotStart | HostFailed | InputFailed | Cancelled
)
"""Every ending there is."""

tagged_union(Outcome)


def whose_fault(outcome: Outcome) -> Whose:
    """Whose doing an ending was; for an exit with status 0 it is nobody's, and says the job."""
    match outcome:
        case Exited() | Signaled() | OverLimit() | TimedOut():
            return Whose.JOB
        case CouldNotStart(whose=whose):
            return whose
        case HostFailed():
            return Whose.HOST
        case InputFailed() | Cancelled():
            return Whose.USER


def describe(outcome: Outcome) -> str:
    """One line for people."""
    match outcome:
        case Exited(code):
            return f"exited with status {code}"
        case Signaled(signal, core):
            return f"killed by signal {signal}" + (" (core dumped)" if core else "")
        case OverLimit(hit):
            return f"ended by its {hit.describe()}"
        case TimedOut(seconds, killed):
            how = "killed" if killed else "ended on SIGTERM"
            return f"timed out after {seconds:g} s, {how}"
        case CouldNotStart() as fault:
            text = f"could not start: {fault.step}: {fault.call} failed: {fault.cause}"
            return f"{text}; {fault.remedy}" if fault.remedy else text
        case HostFailed(reason, remedy):
            return f"this host failed: {reason}" + (f"; {remedy}" if remedy else "")
        case InputFailed(faults):
            return "its inputs could not be made ready: " + "; ".join(faults)
        case Cancelled(reason, ran):
            return f"cancelled ({reason})" + ("" if ran else " before it started")


@attrs.frozen(kw_only=True)
class Captured:
    """What a job wrote to one of its streams.

    :param head: the first bytes
    :param tail: the last bytes, if some in between are not here
    :param total_bytes: how many were written in all
    """

    head: bytes = b""
    tail: bytes = b""
    total_bytes: int = 0

    @property
    def omitted_bytes(self) -> int:
        """How many bytes between head and tail are not here."""
        return self.total_bytes - len(self.head) - len(self.tail)

    def text(self) -> str:
        """All of it for people, with a line that says what is missing."""
        head = self.head.decode("utf-8", "replace")
        if not self.omitted_bytes:
            return head + self.tail.decode("utf-8", "replace")
        gap = f"\n[… {self.omitted_bytes} bytes omitted …]\n"
        return head + gap + self.tail.decode("utf-8", "replace")


@attrs.frozen(kw_only=True)
class Usage:
    """What a job used.

    :param wall_seconds: from the start of its container to its end
    :param user_seconds: CPU time in user mode of all its processes that were waited for
    :param system_seconds: the same in the kernel
    :param peak_memory_bytes: largest resident set of any one of its processes
    """

    wall_seconds: float = 0.0
    user_seconds: float = 0.0
    system_seconds: float = 0.0
    peak_memory_bytes: int = 0


@attrs.frozen(kw_only=True)
class LeftFile:
    """A file that a job left, as its `outputs` say.

    :param path: absolute, in its container; nothing of it is to be trusted
    :param mode: permission bits
    """

    path: str
    mode: int
    data: bytes


@attrs.frozen(kw_only=True)
class RootChanges:
    """What a job has changed in its captured root; a layer of the store, kept while the backend is open.

    Files that it has removed are in it as whiteouts.

    :param layer: digest of its manifest
    :param entries: how many names it has
    :param size_bytes: of its files
    """

    layer: Digest
    entries: int
    size_bytes: int


@attrs.frozen(kw_only=True)
class JobResult:
    """How a job ended and what it left.

    :param report: what the program wrote to its report descriptor
    :param degraded: what this host could not give, one phrase each ("pids limit: not enforced")
    :param not_forked: why it was started afresh, though it was to be a fork of a template
    :param seen: what the kernel said of its processes when its time was up; empty if it was not
    :param limits_hit: limits that it has run into, whatever has come of it; what it could not have
        noticed itself, such as that not all of its output is here, is not among them
    :param outputs: files that it left, as it was to bring them back
    :param outputs_missing: why some of them are not here, one line each
    :param changes: what it has changed in its root, if that is captured and it has run
    :param changes_missing: why that is not here, though it has run; empty if it is
    :param broken_off: its machine was lost in the middle, and some of what it wrote had been passed on:
        so it was not begun anew, which says nothing about the job
    :param left_running: how many processes were there when its program had ended by itself, and were
        killed a moment later; of a container without ``init`` that is not known, and it is 0
    :param left_commands: command lines of a few of these, as far as its container has a ``/proc``; a
        process says of itself what it likes
    """

    outcome: Outcome
    stdout: Captured = Captured()
    stderr: Captured = Captured()
    report: bytes = b""
    usage: Usage = Usage()
    degraded: tuple[str, ...] = ()
    not_forked: str = ""
    seen: str = ""
    limits_hit: tuple[LimitHit, ...] = ()
    outputs: tuple[LeftFile, ...] = ()
    outputs_missing: tuple[str, ...] = ()
    changes: RootChanges | None = None
    changes_missing: str = ""
    broken_off: bool = False
    left_running: int = 0
    left_commands: tuple[str, ...] = attrs.field(default=(), converter=tidied)


def limits_met(result: JobResult) -> list[str]:
    """A line for people for each limit that a job has run into and that has not ended it."""
    over = result.outcome.hit if isinstance(result.outcome, OverLimit) else None
    return [hit.note() for hit in result.limits_hit if hit != over]
