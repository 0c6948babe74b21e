"""Directives and a case → its container, and how its job is run. Pure.

All directives whose filters fit are taken in the order of the file. One that names a parent begins
anew with that container; the others change what is there. The rest (timeout, …) is what the last
one says that says anything.
"""

from collections.abc import Mapping
from typing import Any

import attrs

from maelstrom_core.filters import Facts, Selectors, evaluate
from maelstrom_core.model.cases import Case
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.images import Image
from maelstrom_core.model.layers import LayerSpec
from maelstrom_core.spec.commands import with_commands
from maelstrom_core.spec.container import Said
from maelstrom_core.spec.inherit_plan import NOTHING, Family
from maelstrom_core.testrun.directives import DEFAULT, Directive, Directives

FRESH, TEMPLATE = "fresh", "template"


@attrs.frozen(kw_only=True)
class CasePlan:
    """How a case is run.

    :param container: the same object for all cases to which the same directives apply
    :param timeout: seconds; ``None`` for no limit
    :param ignored_by: place of the directive that says not to run it; empty if it is run
    :param isolation: `FRESH`, `TEMPLATE`, or empty: as the run has it
    :param group_by: what cases have in common that may share a container; empty: nothing
    :param include_shared_libraries: whether the container is given those that a test's program needs;
        ``None`` if nobody says so
    :param turns: what it takes turns at with other cases
    :param slots: how many it takes; ``None`` if nobody says so
    """

    container: ContainerSpec
    timeout: float | None = None
    ignored_by: str = ""
    isolation: str = ""
    group_by: str = ""
    include_shared_libraries: bool | None = None
    turns: tuple[str, ...] = ()
    slots: int | None = None


def images_of(directives: Directives) -> tuple[str, ...]:
    """Names of all images that some directive's container may be made of, in the order of the file."""
    found: dict[str, None] = {}
    for directive in directives.directives:
        waiting = [directive.container]
        while waiting:
            # None comes from itself: that was checked when they were read.
            for one in with_commands(waiting.pop()):
                if one.image:
                    found[one.image] = None
                if one.parent in directives.containers:
                    waiting.append(directives.containers[one.parent])
    return tuple(found)


class Planner:
    """Plans cases; each combination of directives once.

    :param default: the container that there is without a file
    :param always: layers without which the runner cannot run a case; added where they are missing
    :param timeout: of cases of which no directive says anything
    :param timeout_is_final: it was given on the command line, and directives do not change it
    :param client: variables of this process
    :param project: the project directory, absolute
    :param images: by their names as they are written; `images_of` says which there must be
    :param frame: what goes with every image
    """

    def __init__(
        self,
        directives: Directives,
        selectors: Selectors,
        *,
        default: ContainerSpec,
        always: tuple[LayerSpec, ...] = (),
        timeout: float | None = None,
        timeout_is_final: bool = False,
        client: Mapping[str, str],
        project: str,
        images: Mapping[str, Image] | None = None,
        frame: ContainerSpec = NOTHING,
    ) -> None:
        self._directives = directives.directives
        self.turns = directives.turns
        self._selectors = selectors
        self._default = default
        self._always = always
        self._timeout = timeout
        self._timeout_is_final = timeout_is_final
        self._family = Family(
            written=directives.containers,
            given={DEFAULT: default},
            client=client,
            project=project,
            images=images or {},
            frame=frame,
        )
        self._plans: dict[tuple[int, ...], CasePlan] = {}

    def for_case(self, case: Case) -> CasePlan:
        """How a case is run.

        :raises maelstrom_core.errors.InputError: for variables that are not set
        """
        # Asked several times of each case; without directives, nothing of it matters.
        return self._planned(self._selectors.facts(case) if self._directives else {})

    def demanding(self, case: Case) -> Case:
        """A case with what directives say of its turns and slots, besides what its runner has said."""
        plan = self.for_case(case)
        if not plan.turns and plan.slots is None:
            return case
        turns = tuple(dict.fromkeys((*case.turns, *plan.turns)))
        return attrs.evolve(case, turns=turns, slots=plan.slots or case.slots)

    def for_collecting(self, known: Facts) -> CasePlan:
        """How cases are found: as those are run of which nothing but ``known`` is known."""
        return self._planned(known)

    def _planned(self, facts: Facts) -> CasePlan:
        chosen = tuple(
            index
            for index, directive in enumerate(self._directives)
            if evaluate(directive.filter, facts)
        )
        if chosen not in self._plans:
            self._plans[chosen] = self._plan([self._directives[index] for index in chosen])
        return self._plans[chosen]

    def _plan(self, chosen: list[Directive]) -> CasePlan:
        settings: dict[str, Any] = {"timeout": self._timeout}
        container, origin = Said(parent=DEFAULT), ""
        for directive in chosen:
            own = directive.container
            container = own if own.parent or own.image else container.augmented(own)
            settings |= directive.settings
            if "ignore" in directive.settings:
                origin = directive.origin if directive.settings["ignore"] else ""
        return CasePlan(
            container=self._container(container),
            timeout=self._timeout if self._timeout_is_final else settings["timeout"],
            ignored_by=origin,
            isolation=settings.get("isolation", ""),
            group_by=settings.get("group_by", ""),
            include_shared_libraries=settings.get("include_shared_libraries"),
            turns=settings.get("turns", ()),
            slots=settings.get("slots"),
        )

    def _container(self, said: Said) -> ContainerSpec:
        if said == Said(parent=DEFAULT):
            return self._default
        spec = self._family.collapsed(said)
        missing = tuple(layer for layer in self._always if layer not in spec.layers)
        return attrs.evolve(spec, layers=(*spec.layers, *missing))
