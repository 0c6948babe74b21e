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

    @property
    def is_failure(self) -> bool:
        """Whether it counts against the run."""
        return self in _FAILURES


_FAILURES = frozenset(
    {CaseStatus.FAILED, CaseStatus.ERROR, CaseStatus.TIMED_OUT, CaseStatus.CRASHED}
)


@attrs.frozen(kw_only=True)
class Case:
    """One test.

    :param id: its full name; unique within a run
    :param name: the short one
    :param package: what it belongs to (a Go package, a crate); ``default`` where there is none
    :param file: where it is written, relative to the project directory, if known
    :param markers: its marks, inherited ones too
    :param group: cases of one group share a container when asked to
    :param details: plain data for the runner alone
    """

    id: CaseId
    name: str
    package: str = "default"
    file: str = ""
    markers: tuple[str, ...] = ()
    group: str = ""
    details: Mapping[str, Any] = attrs.field(factory=dict, eq=False)


@attrs.frozen(kw_only=True)
class CaseReport:
    """What is told of one case.

    :param message: why it failed, for people
    :param duration: seconds the test itself took, without its container if the runner knows
    :param details: plain data for the runner alone (pytest's own reports)
    :param result: how its job ended
    """

    id: CaseId
    status: CaseStatus
    message: str = ""
    duration: float = 0.0
    details: Mapping[str, Any] = attrs.field(factory=dict, eq=False)
    result: JobResult | None = None
