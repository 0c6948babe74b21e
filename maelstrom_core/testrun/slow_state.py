"""Which of the cases that run are slow by now. Pure."""

import attrs

from maelstrom_core.model.cases import Case
from maelstrom_core.model.ids import CaseId


@attrs.define
class _Running:
    case: Case
    due: float
    seconds: float


class SlowWatch:
    """Watches cases from their beginning to their end.

    :param after: seconds; one is told of when it has run so long, and each time that it has run as long
        again
    """

    def __init__(self, after: float) -> None:
        self._after = after
        self._running: dict[CaseId, _Running] = {}

    def began(self, case: Case, *, now: float) -> None:
        """A case begins."""
        self._running[case.id] = _Running(case, now + self._after, self._after)

    def ended(self, case: Case) -> None:
        """A case has ended."""
        self._running.pop(case.id, None)

    def look(self, *, now: float) -> list[tuple[Case, float]]:
        """Those of which it is to be told now, and for how many seconds they have run."""
        found = []
        for one in self._running.values():
            if one.due <= now:
                found.append((one.case, one.seconds))
                # Of a clock that has jumped it is told once.
                times = 1 + int((now - one.due) / self._after)
                if one.due + times * self._after <= now:
                    times += 1  # What was divided was rounded.
                one.due += times * self._after
                one.seconds += times * self._after
        return found

    def next_look(self, *, now: float) -> float:
        """When to look again, whatever begins until then."""
        return min((one.due for one in self._running.values()), default=now + self._after)
