"""What can happen to a test run. Pure."""

from typing import TypeAlias

import attrs

from maelstrom_core.model.cases import Case, CaseReport


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
    """A case that was handed out ended and was reported; its container may go on with others."""

    report: CaseReport


@attrs.frozen
class BatchEnded:
    """The container of a batch is gone, and with it whatever cases had not ended before."""

    batch: int


@attrs.frozen
class StopWanted:
    """Somebody wants the run to end."""

    reason: str


Event: TypeAlias = CaseFound | FoundSoFar | CollectionEnded | CaseEnded | BatchEnded | StopWanted
"""Everything that can happen."""


@attrs.frozen
class Submit:
    """Run a batch: cases that share a container, one after the other; most are of one case.

    Answered with a `CaseEnded` for each case that ended, then with `BatchEnded`.

    :param batch: a number of its own
    :param expected_duration: of all of them; ``None`` if that of one is not known
    :param attempt: 1, or more for a case that is run again since it failed, by itself
    :param slots: how many it takes
    """

    batch: int
    cases: tuple[Case, ...]
    expected_duration: float | None
    attempt: int = 1
    slots: int = 1


@attrs.frozen
class Cancel:
    """End a batch that runs; it is answered with `BatchEnded` all the same."""

    batch: int


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
