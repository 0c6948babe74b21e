"""What all runners call a test, and what they say of it. Pure."""

import enum
from collections.abc import Mapping
from typing import Any

import attrs

from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.outcome import JobResult


class CaseStatus(enum.Enum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    ERROR = "error"
    """Set-up or tear-down failed, or the container did."""
    TIMED_OUT = "timed out"
    CRASHED = "crashed"
    """The process died before it could report."""
    CANCELLED = "cancelled"
    FLAKY = "flaky"
    """It failed, and did not when it was run again."""

    @property
    def is_failure(self) -> bool:
        """Whether it counts against the run."""
        return self in _FAILURES


_FAILURES = frozenset(
    {CaseStatus.FAILED, CaseStatus.ERROR, CaseStatus.TIMED_OUT, CaseStatus.CRASHED}
)


def repetition_mark(repetition: int, repetitions: int) -> str:
    """What the ids of a case's repetitions end with; nothing for a case that is run once."""
    return f" ({repetition} of {repetitions})" if repetitions > 1 else ""


@attrs.frozen(kw_only=True)
class Case:
    """One test.

    :param id: its full name; unique within a run
    :param name: the short one
    :param package: what it belongs to (a Go package, a crate); ``default`` where there is none
    :param binary: the program that holds it, by a name that is unique within a run, where a package has
        several; otherwise that is its package
    :param file: where it is written, relative to the project directory, if known
    :param markers: its marks, inherited ones too
    :param group: cases of one group share a container when asked to
    :param turns: names of what it takes turns at with other cases, whatever container they have: of
        those that name one, no more run at once than the file of directives says, and one if it does
        not say
    :param slots: how many it takes; all that there are if it is more
    :param details: plain data for the runner alone
    :param repetition: which one of its repetitions this is; runners leave it alone
    :param repetitions: how many there are of it
    """

    id: CaseId
    name: str
    package: str = "default"
    binary: str = ""
    file: str = ""
    markers: tuple[str, ...] = ()
    group: str = ""
    turns: tuple[str, ...] = ()
    slots: int = 1
    details: Mapping[str, Any] = attrs.field(factory=dict, eq=False)
    repetition: int = 1
    repetitions: int = 1

    def repeated(self, repetitions: int) -> "list[Case]":
        """As many cases of which each runs this one, with ids that tell them apart."""
        if repetitions == 1:
            return [self]
        return [
            attrs.evolve(
                self,
                id=CaseId(self.id + repetition_mark(repetition, repetitions)),
                repetition=repetition,
                repetitions=repetitions,
            )
            for repetition in range(1, repetitions + 1)
        ]


@attrs.frozen(kw_only=True)
class CaseReport:
    """What is told of one case.

    Of a case that was run again since it had failed, all but `attempts` and a `status` of flaky is
    what its last attempt came to.

    :param message: why it failed, for people
    :param text: the same, of a runner whose own way to show it is in `details`
    :param duration: seconds the test itself took, without its container if the runner knows
    :param details: plain data for the runner alone (pytest's own reports)
    :param result: how its job ended; what it wrote to its report descriptor is not kept
    :param attempts: what came of it before, first one first; all of them are failures
    :param may_be_retried: false if running it again is not what is wanted, whatever was asked for:
        it ended the whole run
    :param left_running: how many processes it left when it had ended; runners leave it alone
    :param left_commands: command lines of a few of these; runners leave it alone
    :param is_slow: it ran for longer than the run's ``slow-after``; runners leave it alone
    :param repetition: which one of its repetitions this is; runners leave it alone
    :param repetitions: how many there are of it
    """

    id: CaseId
    status: CaseStatus
    message: str = ""
    text: str = ""
    duration: float = 0.0
    details: Mapping[str, Any] = attrs.field(factory=dict, eq=False)
    result: JobResult | None = None
    attempts: "tuple[CaseReport, ...]" = ()
    may_be_retried: bool = True
    left_running: int = 0
    left_commands: tuple[str, ...] = ()
    is_slow: bool = False
    repetition: int = 1
    repetitions: int = 1

    @property
    def original(self) -> CaseId:
        """The case's id, whichever of its repetitions this is."""
        return CaseId(self.id.removesuffix(self.mark))

    @property
    def told(self) -> str:
        """Why it failed, or was skipped, for people; whichever runner says so."""
        return self.message or self.text

    @property
    def mark(self) -> str:
        """What tells this repetition from others."""
        return repetition_mark(self.repetition, self.repetitions)
