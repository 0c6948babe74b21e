"""What two recordings of a suite come to, beside what is known of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from suites import Difference

Cases = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Verdict:
    """Of one suite.

    :param equal: whether all is as it should be
    :param known: how many cases differ as was said of them
    :param lines: what is otherwise, for people
    """

    equal: bool
    known: int
    unknown: int
    lines: tuple[str, ...]

    @property
    def summary(self) -> str:
        """In a few words."""
        return f"{self.unknown} differ" + (f", and {self.known} as is known" if self.known else "")


def judge(differences: Sequence[Difference], plain: Cases, ours: Cases, *, whole: bool) -> Verdict:
    """Compare two recordings.

    :param whole: whether a known difference that is not found is a fault: it would hide the next one
    """
    known, lines, found = 0, [], set()
    for case in sorted(plain.keys() | ours.keys()):
        # A node id may stand for more than one case, and those end in any order.
        both = [sorted(cases[case]) if case in cases else None for cases in (plain, ours)]
        if both[0] == both[1]:
            continue
        covering = [one for one in differences if one.covers(case)]
        found.update(one.cases for one in covering)
        if covering:
            known += 1
        else:
            lines.append(f"{case}: plain {both[0]}, maelstrom {both[1]}")
    unknown = len(lines)
    gone = [one for one in differences if whole and not one.sometimes and one.cases not in found]
    lines += [f"{one.cases}: said to differ ({one.why}), but does not" for one in gone]
    if not plain:
        lines.append("no case was run")
    return Verdict(equal=not lines, known=known, unknown=unknown, lines=tuple(lines))
