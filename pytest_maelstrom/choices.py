"""Which of the collected cases run, and how: filters of the command line, directives of the file."""

import os
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from maelstrom_core.errors import UsageError
from maelstrom_core.filters import Tree, combined, evaluate, parse
from maelstrom_core.model.cases import Case
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.images import Image
from maelstrom_core.model.layers import HostTreeLayer
from maelstrom_core.settings import Settings
from maelstrom_core.settings.schema import BadValue
from maelstrom_core.settings.toml_file import read_toml
from maelstrom_core.spec.templates import templates
from maelstrom_core.testrun.directives import Directives, no_turns, read_directives
from maelstrom_core.testrun.directives_plan import FRESH, CasePlan, Planner, images_of
from maelstrom_core.testrun.history import History
from pytest_maelstrom.containers import Containers
from pytest_maelstrom.environment_plan import INSIDE
from pytest_maelstrom.names import FILE, GROUPS, NO_GROUP
from pytest_maelstrom.selectors import SELECTORS

if TYPE_CHECKING:
    from maelstrom_core.testrun.sharing import Sharing

CANNOT = {
    "include_shared_libraries": "is for tests that are programs; tests of pytest are not",
}
"""What the language of directives has and this runner has not."""
_KNOWN_BEFORE = {"package": "default"}

Message = dict[str, Any]
"""One of those that a container which collects sends (`pytest_maelstrom.inside.plugins`)."""


@attrs.define
class Choices:
    """What is wanted of a run's cases.

    :param wanted: what includes and excludes come to
    :param group_by: one of `GROUPS`, for cases of which nothing else is said
    :param only: cases without which nothing else is run; ``None`` for all
    :param part: given all that would be run, and with whom histories are shared, says which of it
        is; all by default
    """

    wanted: Tree
    planner: Planner
    group_by: str = NO_GROUP
    only: Collection[CaseId] | None = None
    part: "Callable[[list[Case], Sharing], Awaitable[Collection[CaseId]]] | None" = None
    _containers: list[ContainerSpec] = attrs.field(factory=list, init=False)
    _numbers: dict[int, int] = attrs.field(factory=dict, init=False)

    @property
    def container(self) -> ContainerSpec:
        """The one in which cases are collected: what directives for every case make of it."""
        return self.planner.for_collecting(_KNOWN_BEFORE).container

    def plan_of(self, case: Case) -> CasePlan:
        """How a case is run."""
        return self.planner.for_case(case)

    def isolation_of(self, case: Case) -> str:
        """What is said of how it is started: by its own mark, or a directive."""
        return str(case.details["wishes"].get("isolation") or self.plan_of(case).isolation)

    def grouped(self, case: Case) -> Case:
        """A case with the name of its group: of those with which it shares a container."""
        plan, wishes = self.plan_of(case), case.details["wishes"]
        if "group" in wishes:
            kind, name = "mark", wishes["group"]
        else:
            kind = plan.group_by or self.group_by
            name = case.file if kind == "module" else case.details["groups"].get(kind)
        if not name:
            return case
        # Those that are run in another way cannot share one.
        number = self._number_of(plan.container)
        fresh = self.isolation_of(case) == FRESH
        return attrs.evolve(case, group=f"{kind} {name} {number}{' afresh' if fresh else ''}")

    def demanding(self, case: Case) -> Case:
        """A case with its turns and slots: what its mark says, else what directives say.

        :raises UsageError: if its mark says what cannot be
        """
        case, wishes = self.planner.demanding(case), case.details["wishes"]
        if "turns" in wishes:
            case = attrs.evolve(case, turns=self._turns(case, wishes["turns"]))
        if "slots" in wishes:
            case = attrs.evolve(case, slots=_slots(case, wishes["slots"]))
        return case

    def _turns(self, case: Case, said: Any) -> tuple[str, ...]:
        names = [said] if isinstance(said, str) else said if said is not None else []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise UsageError(f"{case.id}: turns of its mark must be a name, or a list of names")
        for name in names:
            if name not in self.planner.turns:
                why = f"its mark names turns that {FILE} has not"
                raise UsageError(f"{case.id}: {why}: {no_turns(name, self.planner.turns)}")
        return tuple(dict.fromkeys(names))

    def _number_of(self, container: ContainerSpec) -> int:
        """The same number for equal containers; to compare them is dear, and done once for each."""
        number = self._numbers.get(id(container))
        if number is None:
            if container not in self._containers:
                self._containers.append(container)
            number = self._numbers[id(container)] = self._containers.index(container)
        return number

    async def sift(
        self,
        messages: Iterable[Message],
        case_of: Callable[[Message], Case],
        sharing: "Sharing",
    ) -> list[Message]:
        """Collection's messages as pytest is to be told of them.

        What no filter wants is deselected; what a directive ignores becomes a message of its own.

        :param case_of: the case of a message that tells of one
        :param sharing: with those who run the other shards
        :raises maelstrom_core.errors.InputError: if a case's container cannot be planned
        """
        kept: list[Message] = []
        chosen: dict[CaseId, tuple[Case, Message]] = {}
        deselected = []
        for message in messages:
            if message["kind"] != "case":
                kept.append(message)
                continue
            case = case_of(message)
            unwanted = evaluate(self.wanted, SELECTORS.facts(case)) is False
            if unwanted or (self.only is not None and case.id not in self.only):
                deselected.append(message["id"])
                continue
            ignored_by = self.plan_of(case).ignored_by
            changed = {"kind": "ignored", "by": f"{ignored_by} of {FILE}"} if ignored_by else {}
            kept.append({**message, **changed})
            if not ignored_by and self.part is not None:
                chosen[case.id] = self.grouped(case), kept[-1]
        if self.part is not None:
            part = await self.part([case for case, _ in chosen.values()], sharing)
            others = [message for name, (_, message) in chosen.items() if name not in part]
            deselected += [message["id"] for message in others]
            left_out = {id(message) for message in others}
            kept = [message for message in kept if id(message) not in left_out]
        return [*kept, {"kind": "deselected", "ids": deselected}] if deselected else kept


def _slots(case: Case, said: Any) -> int:
    if not isinstance(said, int) or isinstance(said, bool) or said < 1:
        raise UsageError(f"{case.id}: slots of its mark must be a whole number of at least 1")
    return said


def choices_of(
    config: pytest.Config,
    settings: Settings,
    project: Path,
    containers: Containers,
    history: History | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Choices:
    """What the command line and the project's file say; images that it names are brought.

    :param containers: what directives change
    :param history: of earlier runs; none where nothing is run
    :param say: told how cases were chosen, for people
    :raises maelstrom_core.errors.UsageError: with all that is wrong with them
    """
    option: Mapping[str, list[str]] = vars(config.option)
    include, exclude = (
        tuple(parse(text, SELECTORS) for text in option[f"maelstrom_{name}"])
        for name in ("include", "exclude")
    )
    directives, default = directives_of(project), containers.default
    images: Mapping[str, Image] = {}
    if names := images_of(directives):
        # Few runs need what speaks with registries.
        from pytest_maelstrom.images import bring

        images = bring(names, config, settings, project)
    planner = Planner(
        directives,
        SELECTORS,
        default=default,
        images=images,
        frame=containers.frame,
        always=tuple(layer for layer in default.layers if _is_ours(layer)),
        timeout=settings.timeout,
        timeout_is_final=settings.origin("timeout") == "command line",
        client=os.environ,
        project=os.fspath(project),
    )
    choices = Choices(combined(include, exclude), planner, settings.group)
    if history is not None and config.option.maelstrom_rerun_failed:
        choices.only = history.failed()
    if history is not None and (shard := config.option.maelstrom_shard):
        choices.part = _part_of(shard, history, say)
    return choices


def wants_its_order(config: pytest.Config) -> bool:
    """Whether tests were asked for in an order that pytest has made, which ours would undo."""
    options = ("stepwise", "failedfirst", "newfirst")
    return any(getattr(config.option, name, False) for name in options)


def _part_of(
    text: str, history: History, say: Callable[[str], None]
) -> "Callable[[list[Case], Sharing], Awaitable[Collection[CaseId]]]":
    """What chooses the cases of a shard."""
    from maelstrom_core.program.shard_plan import Shard, part_of

    try:
        shard = Shard.read(text)
    except BadValue as bad:
        raise UsageError(f"--maelstrom-shard: must be {bad}") from None

    async def choose(cases: list[Case], sharing: "Sharing") -> Collection[CaseId]:
        durations = await sharing.durations(history, [case.id for case in cases], shard.of)
        part = part_of(cases, durations.seconds, shard)
        say(part.in_words(shard, len(cases), durations.whose))
        return {case.id for case in part.cases}

    return choose


def directives_of(project: Path) -> Directives:
    """What the project's file says; nothing if there is none.

    :raises maelstrom_core.errors.UsageError: with all that is wrong with it
    """
    data = read_toml(project / FILE)
    if data is None:
        return Directives()
    file = os.fspath(project / FILE)
    return read_directives(
        data,
        SELECTORS,
        file=file,
        cannot=CANNOT,
        groups=GROUPS,
        templates=templates(os.fspath(project)),
    )


def _is_ours(layer: object) -> bool:
    """Whether a layer shows our part that runs inside."""
    return isinstance(layer, HostTreeLayer) and layer.target.startswith(f"{INSIDE}/")
