"""Parts of a suite that machines run each one of: balanced by what is known of durations. Pure.

Longest processing time first: each case, longest first, goes to the part that is shortest so far
(Graham, "Bounds on Multiprocessing Timing Anomalies", 1969). Whoever runs the parts must know the same
durations, or a case may be in two of them or in none: so each part has the fingerprint of the whole
plan, to be compared.
"""

import heapq
import re
from collections.abc import Mapping, Sequence

import attrs

from maelstrom_core.model.cases import Case
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.ids import CaseId
from maelstrom_core.settings.schema import BadValue

USUAL_SECONDS = 0.1
"""What a case is taken to last if no case of the suite was ever run."""


@attrs.frozen
class Shard:
    """One part of several.

    :param index: from 1
    :param of: how many there are
    """

    index: int
    of: int

    @classmethod
    def read(cls, text: str) -> "Shard":
        """Out of ``2/5``.

        :raises BadValue: if it is not that
        """
        match = re.fullmatch(r"(\d+)/(\d+)", text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise BadValue("a part and how many there are, such as 2/5")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"


@attrs.frozen
class Part:
    """What one shard runs.

    :param cases: in the order in which they were found
    :param seconds: how long they should take, one after the other
    :param fingerprint: the same for all parts of one plan
    """

    cases: tuple[Case, ...]
    seconds: float
    fingerprint: str

    def in_words(self, shard: Shard, of: int, whose: str = "") -> str:
        """What people are told of it.

        :param of: how many cases all parts have together
        :param whose: whose knowledge of durations it is made by, if not this machine's
        """
        return (
            f"shard {shard.index} of {shard.of}: {len(self.cases)} of {of} tests, about "
            f"{self.seconds:.1f} s{whose}; plan {self.fingerprint}, which must be the same for all "
            "shards"
        )


def part_of(cases: Sequence[Case], durations: Mapping[CaseId, float], shard: Shard) -> Part:
    """The cases of one shard; those of a group stay together.

    :param durations: seconds; cases without one are taken to last as long as the others on average
    """
    known = [durations[case.id] for case in cases if case.id in durations]
    usual = sum(known) / len(known) if known else USUAL_SECONDS
    seconds: dict[str, float] = {}
    names = [case.group or str(case.id) for case in cases]
    for case, name in zip(cases, names, strict=True):
        seconds[name] = seconds.get(name, 0.0) + durations.get(case.id, usual)
    parts = [(0.0, index) for index in range(1, shard.of + 1)]
    where: dict[str, int] = {}
    for name in sorted(seconds, key=lambda name: (-seconds[name], name)):
        length, index = heapq.heappop(parts)
        where[name] = index
        heapq.heappush(parts, (length + seconds[name], index))
    plan = "\n".join(f"{where[name]} {name}" for name in sorted(where))
    return Part(
        cases=tuple(
            case for case, name in zip(cases, names, strict=True) if where[name] == shard.index
        ),
        seconds=sum(length for length, index in parts if index == shard.index),
        fingerprint=str(Digest.of(plan.encode()))[:8],
    )
