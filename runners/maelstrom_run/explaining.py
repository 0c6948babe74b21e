"""``--explain``: what would be run, and every step that would make its container. Nothing is run."""

import shlex
from collections.abc import Iterator

import attrs

from maelstrom_core.api import JobSpec
from maelstrom_core.container.control_groups import as_offered
from maelstrom_core.container.explain import explain
from maelstrom_core.container.facts import slot_facts
from maelstrom_core.container.plan import blueprint_of
from maelstrom_core.layers.words_plan import in_words
from maelstrom_core.model.container import Container
from maelstrom_core.model.layers import HostTreeLayer


def explained(job: JobSpec) -> Iterator[str]:
    """Lines for people.

    :raises maelstrom_core.errors.InputError: for a container that cannot be
    """
    yield f"command     {shlex.join([job.program, *job.arguments])}"
    yield f"directory   {job.working_directory}"
    for name, value in job.environment:
        yield f"variable    {name}={shlex.quote(value)}"
    limit = "none" if job.timeout is None else f"{job.timeout:g} s"
    yield f"time limit  {limit}; slots {job.slots}; priority {job.priority}"
    if job.stdin:
        yield f"stdin       {len(job.stdin)} bytes"
    for pattern in job.outputs:
        yield f"output      {pattern}"
    container = job.container
    trees = [layer for layer in container.layers if isinstance(layer, HostTreeLayer)]
    fields = attrs.asdict(container, recurse=False) | {"layers": ()}
    blueprint = blueprint_of(
        Container(**fields),
        lowers=[in_words(layer) for layer in container.layers if layer not in trees],
        host_trees=[(tree.path, tree.target or tree.path) for tree in trees],
    )
    yield from explain(as_offered(blueprint), slot_facts(), labels=container.labels)
