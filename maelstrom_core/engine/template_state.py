"""Which templates there are, and which may stay warm. Pure; a part of the engine's machine.

A template is started when the first job wants to be a fork of it. One that has died is started once
more; after that, and where it says that it cannot be forked safely, jobs are started afresh. Of those
that no job uses, the ones used longest ago are stopped when all together take too much memory.
"""

from collections import OrderedDict
from enum import Enum

import attrs

from maelstrom_core.model.ids import JobId

MOST_DEATHS = 2
"""Of one template; then its jobs are started afresh."""


class Warmth(Enum):
    """How far a template is."""

    WARMING = "getting ready"
    WARM = "ready"
    UNFIT = "not to be forked"


@attrs.define
class _Template:
    warmth: Warmth
    waiting: list[JobId] = attrs.field(factory=list)
    running: set[JobId] = attrs.field(factory=set)
    memory_bytes: int = 0
    why: str = ""


class Templates:
    """All templates of an engine, by the container that names them.

    :param memory_bytes: what those that are warm may take together, as far as nobody uses them
    """

    def __init__(self, memory_bytes: int) -> None:
        self._budget = memory_bytes
        self._known: OrderedDict[str, _Template] = OrderedDict()
        self._deaths: dict[str, int] = {}

    def warmth(self, root: str) -> Warmth | None:
        """How far one is; ``None`` if it has not been started."""
        template = self._known.get(root)
        return None if template is None else template.warmth

    def why_unfit(self, root: str) -> str:
        """Why jobs are started afresh instead."""
        return self._known[root].why

    def start(self, root: str) -> None:
        """It is being started."""
        self._known[root] = _Template(Warmth.WARMING)

    def wait(self, root: str, job: JobId) -> None:
        """A job waits for it to be ready."""
        self._known[root].waiting.append(job)

    def use(self, root: str, job: JobId) -> None:
        """A job is a fork of it from now on."""
        self._known[root].running.add(job)
        self._known.move_to_end(root)

    def leave(self, root: str, job: JobId) -> None:
        """A job has ended, or is not wanted any more."""
        template = self._known.get(root)
        if template is not None:
            template.running.discard(job)
            if job in template.waiting:
                template.waiting.remove(job)

    def warm(self, root: str, memory_bytes: int, unfit: str) -> list[JobId]:
        """It is ready, or says why it must not be forked.

        :return: the jobs that have waited
        """
        template = self._known[root]
        template.memory_bytes = max(1, memory_bytes)
        template.warmth = Warmth.UNFIT if unfit else Warmth.WARM
        template.why = unfit
        waiting, template.waiting = template.waiting, []
        return waiting

    def measured(self, root: str, memory_bytes: int) -> None:
        """What it takes is known better than it was."""
        template = self._known.get(root)
        # Of one that was stopped meanwhile this is no news.
        if template is not None and template.memory_bytes:
            template.memory_bytes = max(1, memory_bytes)

    def refuse(self, root: str, why: str) -> None:
        """It cannot be forked safely any more."""
        template = self._known[root]
        template.warmth, template.why = Warmth.UNFIT, why

    def died(self, root: str, why: str) -> tuple[list[JobId], list[JobId]]:
        """It has ended.

        :return: the jobs that have waited for it, and those that were forks of it
        """
        template = self._known.pop(root, None)
        if template is None:
            return [], []
        deaths = self._deaths[root] = self._deaths.get(root, 0) + 1
        if template.warmth is Warmth.UNFIT:
            self._known[root] = attrs.evolve(template, memory_bytes=0, running=set())
        elif template.warmth is Warmth.WARMING or deaths >= MOST_DEATHS:
            # One that could not even get ready would not the next time.
            self._known[root] = _Template(Warmth.UNFIT, why=why)
        return template.waiting, sorted(template.running)

    def stop_idle(self) -> list[str]:
        """Forget templates until the rest fits into the budget; those to be stopped."""
        stopped = []
        total = sum(template.memory_bytes for template in self._known.values())
        for root in list(self._known)[:-1]:  # the one used last stays
            template = self._known[root]
            idle = not (template.running or template.waiting)
            if total > self._budget and idle and template.memory_bytes:
                total -= template.memory_bytes
                stopped.append(root)
                if template.warmth is Warmth.UNFIT:
                    template.memory_bytes = 0  # what is known of it is kept
                else:
                    del self._known[root]
        return stopped

    def is_of_use(self, root: str) -> bool:
        """Whether there is a process of it, or soon will be."""
        template = self._known.get(root)
        return template is not None and (
            template.warmth is not Warmth.UNFIT or template.memory_bytes > 0
        )

    def forget(self, root: str) -> None:
        """Its container is gone, and with it what is known of it."""
        self._known.pop(root, None)
        self._deaths.pop(root, None)

    def jobs_that_wait(self) -> set[JobId]:
        """Jobs for which some template is not ready yet."""
        return {job for template in self._known.values() for job in template.waiting}

    def check(self) -> None:
        """Assert what must always hold."""
        for root, template in self._known.items():
            assert not template.waiting or template.warmth is Warmth.WARMING, root
            assert not set(template.waiting) & template.running, root
