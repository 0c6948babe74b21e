"""What can happen to a test run. Pure."""

from typing import TypeAlias

import attrs

from maelstrom_core.model.cases import Case, CaseReport
from maelstrom_core.model.ids import CaseId


@attrs.frozen
class CaseFound:
    """A case was collected.

    :param expected_duration: seconds, as far as earlier runs tell
    :param urgent: it is new, or failed last time
    """

    case: Case
    expected_duration: float | None = None
    urgent: bool = False


@attrs.frozen
class FoundSoFar:
    """All cases that were found at the same moment have been told of: the first may be chosen."""


@attrs.frozen
class CollectionEnded:
    """No more cases will come.

    :param error: why it ended early; empty if it did not
    """

    error: str = ""


@attrs.frozen
class CaseEnded:
    """A job of a case ended and was reported."""

    report: CaseReport


@attrs.frozen
class StopWanted:
    """Somebody wants the run to end."""

    reason: str


Event: TypeAlias = CaseFound | FoundSoFar | CollectionEnded | CaseEnded | StopWanted
"""Everything that can happen."""


@attrs.frozen
class Submit:
    """Run a case; answered with `CaseEnded`.

    :param attempt: 1, or more for a case that is run again since it failed
    """

    case: Case
    expected_duration: float | None
    attempt: int = 1


@attrs.frozen
class Cancel:
    """End a case that runs; it is answered with `CaseEnded` all the same."""

    case: CaseId


@attrs.frozen
class StopCollecting:
    """No more cases are wanted."""


@attrs.frozen
class Tell:
    """Tell observers of a report; once for each case of which an attempt ran to its own ending."""

    report: CaseReport


@attrs.frozen
class Finish:
    """The run is over: nothing of it runs any more."""


Effect: TypeAlias = Submit | Cancel | StopCollecting | Tell | Finish
"""Everything that can be wanted."""
