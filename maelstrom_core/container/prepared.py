"""A container as a slot process has it ready. Standard library only."""

import os
import stat

from maelstrom_core.container.blueprint import Blueprint, MountPlan
from maelstrom_core.container.facts import SlotFacts
from maelstrom_core.container.job_plan import job_steps
from maelstrom_core.container.limited import Limited
from maelstrom_core.container.script import Strings, Table

_KEPT_ENVIRONMENTS = 8


class Prepared:
    """A container of which everything that jobs cannot observe is made.

    :param view: descriptor of the mount namespace that jobs copy
    :param table: the compiled script of most jobs; others are compiled when they are wanted
    :param kinds: for each host path that is shown whether it is a directory
    :param limited: its limits
    """

    def __init__(
        self,
        blueprint: Blueprint,
        view: int,
        table: Table,
        kinds: dict[str, bool],
        degraded: tuple[str, ...],
        limited: Limited,
    ) -> None:
        self.blueprint = blueprint
        self.view = view
        self.table = table
        self.kinds = kinds
        self.degraded = degraded
        self.limited = limited
        self._scripts = {(False, False): table}
        self._environments: dict[tuple[tuple[str, str], ...], Strings] = {}

    def script(
        self, facts: SlotFacts, numbers: dict[str, int], *, terminal: bool, held: bool
    ) -> Table:
        """The script of a job.

        :param terminal: whether it begins on one
        :param held: whether it hands its mounts over
        """
        table = self._scripts.get((terminal, held))
        if table is None:
            steps = job_steps(self.blueprint, facts, self.kinds, terminal=terminal, held=held)
            table = self._scripts[terminal, held] = Table(steps, numbers)
        return table

    def environment(self, variables: tuple[tuple[str, str], ...]) -> Strings:
        """``envp``; laid out once for equal environments."""
        strings = self._environments.get(variables)
        if strings is None:
            if len(self._environments) >= _KEPT_ENVIRONMENTS:
                self._environments.clear()
            texts = [os.fsencode(f"{name}={value}") for name, value in variables]
            strings = self._environments[variables] = Strings(texts)
        return strings


def as_found(blueprint: Blueprint) -> tuple[Blueprint, dict[str, bool], tuple[str, ...]]:
    """The blueprint without device nodes that this host lacks; which sources are directories; and what
    is lacking, in words."""
    kinds: dict[str, bool] = {}
    lacking: list[str] = []
    mounts: list[MountPlan] = []
    for mount in blueprint.mounts:
        if mount.kind == "bind":
            try:
                kinds[mount.source] = stat.S_ISDIR(os.stat(mount.source).st_mode)
            except OSError:
                kinds[mount.source] = True  # opening it fails next, and says so
        if mount.kind == "devices":
            names = tuple(name for name in mount.names if os.path.exists(f"/dev/{name}"))
            lacking += [f"this host has no /dev/{n}" for n in mount.names if n not in names]
            mount = mount.with_names(names)
        mounts.append(mount)
    return blueprint.with_mounts(tuple(mounts)), kinds, tuple(lacking)
