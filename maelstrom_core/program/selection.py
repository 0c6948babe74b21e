"""Which of the cases that a runner finds are run: filters, directives, what failed last time, shards."""

from collections.abc import AsyncIterator, Callable, Collection

import attrs

from maelstrom_core.filters import EVERYTHING, Selectors, Tree, evaluate
from maelstrom_core.model.cases import Case
from maelstrom_core.model.ids import CaseId
from maelstrom_core.program.shard_plan import Shard, part_of
from maelstrom_core.testrun.directives_plan import Planner
from maelstrom_core.testrun.history import History
from maelstrom_core.testrun.sharing import Sharing


@attrs.define
class Selection:
    """Chooses; afterwards it knows what was not chosen.

    :param wanted: of the command line
    :param only: cases without which nothing else is run; ``None`` for all
    :param sharing: with those who run the other shards
    :param say: told what a person should know of how it was chosen
    """

    wanted: Tree
    selectors: Selectors
    planner: Planner
    history: History
    sharing: Sharing
    only: Collection[CaseId] | None = None
    shard: Shard | None = None
    say: Callable[[str], None] = lambda _: None
    unwanted: int = 0
    ignored: list[tuple[Case, str]] = attrs.field(factory=list)

    async def choose(self, cases: AsyncIterator[Case]) -> AsyncIterator[Case]:
        """Those that are to be run, as soon as that is known."""
        if self.shard is None:
            async for case in cases:
                if self._takes(case):
                    yield self.planner.demanding(case)
            return
        # Which part a case belongs to depends on all others.
        all_of_them = [case async for case in cases if self._takes(case)]
        durations = await self.sharing.durations(
            self.history, [case.id for case in all_of_them], self.shard.of
        )
        part = part_of(all_of_them, durations.seconds, self.shard)
        self.say(part.in_words(self.shard, len(all_of_them), durations.whose))
        for case in part.cases:
            yield self.planner.demanding(case)

    def _takes(self, case: Case) -> bool:
        wanted = self.wanted is EVERYTHING or evaluate(self.wanted, self.selectors.facts(case))
        if not wanted or (self.only is not None and case.id not in self.only):
            self.unwanted += 1
            return False
        origin = self.planner.for_case(case).ignored_by
        if origin:
            self.ignored.append((case, origin))
        return not origin
