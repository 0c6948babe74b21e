"""What a run marks of cases that have ended, whichever runner they are of: slow, leaky. Pure."""

from collections.abc import Sequence
from typing import Any

import attrs

from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.left_running import left_words
from maelstrom_core.model.outcome import JobResult

MARK, FAIL, IGNORE = LEAKY = ("mark", "fail", "ignore")
"""What may become of a case that leaves processes behind."""


@attrs.frozen
class Marking:
    """What is marked.

    :param slow_after: seconds after which a case is slow; ``None`` for never
    :param leaky: one of `LEAKY`
    """

    slow_after: float | None = None
    leaky: str = MARK

    @classmethod
    def of(cls, settings: Any) -> "Marking":
        """What the settings say that all runners share."""
        return cls(slow_after=settings.slow_after, leaky=settings.leaky)

    def told_of_group(self, cases: Sequence[Case], result: JobResult) -> list[str]:
        """A line for what was left in a container that cases shared, if that is told of. Nobody knows
        which of them has left it, and those before the last one may have meant to."""
        if not result.left_running or self.leaky == IGNORE:
            return []
        others = f" and {len(cases) - 1} more in its container" if len(cases) > 1 else ""
        who = f"{cases[0].id}{others}"
        return [f"{who} - {left_words(result.left_running, result.left_commands)}"]

    def marked(self, report: CaseReport) -> CaseReport:
        """A report with its marks; it has failed, if that is what becomes of one that leaks."""
        result = report.result
        seconds = max(report.duration, result.usage.wall_seconds if result is not None else 0.0)
        is_slow = self.slow_after is not None and seconds >= self.slow_after
        left = result.left_running if result is not None and self.leaky != IGNORE else 0
        if not left and not is_slow:
            return report
        commands = result.left_commands if result is not None and left else ()
        report = attrs.evolve(report, is_slow=is_slow, left_running=left, left_commands=commands)
        if not left or self.leaky != FAIL or report.status.is_failure:
            return report
        return attrs.evolve(
            report,
            status=CaseStatus.FAILED,
            message=f"{report.status.value}, but {left_words(left, commands)}",
        )
