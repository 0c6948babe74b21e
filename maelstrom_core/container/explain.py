"""A container before it exists: every system call that would make it, with its purpose. Pure."""

from collections.abc import Iterator, Sequence

from maelstrom_core.container.blueprint import Blueprint
from maelstrom_core.container.facts import SlotFacts
from maelstrom_core.container.flags import CAPABILITIES
from maelstrom_core.container.job_plan import fork_steps, job_steps
from maelstrom_core.container.limits_plan import degraded, group_files, kept
from maelstrom_core.container.script import (
    Argument,
    Parameter,
    Program,
    Result,
    Rights,
    Step,
    Texts,
)
from maelstrom_core.container.seccomp_plan import filter_for
from maelstrom_core.container.slot_plan import filter_steps
from maelstrom_core.container.tree_plan import tree_steps

_LONGEST = 60


def explain(blueprint: Blueprint, facts: SlotFacts, *, labels: Sequence[str] = ()) -> Iterator[str]:
    """Lines for people: what the container is, what is prepared, what each job does.

    :param labels: what a machine must have to run it
    """
    if labels:
        yield f"labels      {', '.join(labels)}"
    yield f"root        {_root(blueprint)}"
    yield f"layers      {len(blueprint.lowers)}"
    for lower in blueprint.lowers:
        yield f"            {lower}"
    more = f", supplementary {', '.join(map(str, blueprint.supplementary))}"
    more = more if blueprint.supplementary else ""
    yield f"user        {blueprint.user}, group {blueprint.group}{more}, host name {blueprint.hostname}"
    yield f"network     {blueprint.network}{', made afresh' if blueprint.fresh_network else ''}"
    capabilities = [
        name for bit, name in enumerate(CAPABILITIES) if blueprint.capabilities >> bit & 1
    ]
    yield f"privileges  none{' but ' + ', '.join(capabilities) if capabilities else ''}; no_new_privs"
    yield f"filter      {'of system calls, on' if blueprint.seccomp else 'off'}"
    yield f"pid 1       {'an init that reaps and forwards' if blueprint.init else 'the program'}"
    for mount in blueprint.mounts:
        kind = f"{mount.kind} {'ro' if mount.kind == 'bind' and mount.read_only else ''}".strip()
        yield f"mount       {mount.target} ({kind}{' of ' + mount.source if mount.source else ''})"
    for limit in kept(blueprint, facts):
        by = f"by {limit.by}" if limit.by else "not kept"
        where = f" in {limit.where}" if limit.where else ""
        yield f"limit       {limit.name}{where}: {limit.allowed:.15g}, {by}"
    for lacking in degraded(blueprint, facts):
        yield f"degraded    {lacking}"
    kinds = {mount.source: True for mount in blueprint.mounts}
    yield ""
    yield "prepared once for all jobs, in the slot's process:"
    if blueprint.seccomp:
        yield from _listed(filter_steps(filter_for(facts.machine)))
    yield from _listed(
        tree_steps(blueprint, facts, kinds, own_network=blueprint.network != "local")
    )
    yield ""
    files = group_files(blueprint) if blueprint.groups else ()
    if files:
        yield f"made for each job, before it is started: a control group below {blueprint.groups}, with"
        yield from (f"      {name}: {text}" for name, text in files)
        yield ""
    yield "done for each job, in its process:"
    yield from _listed(job_steps(blueprint, facts, kinds))
    if blueprint.template:
        yield ""
        yield "done for each fork of a template instead, in a child that shares the template's memory:"
        yield from _listed(fork_steps(blueprint, facts, kinds, working_directory=b"/"))


def _root(blueprint: Blueprint) -> str:
    if not blueprint.writable:
        return "read-only"
    then = "handed over when the job has ended" if blueprint.captured else "gone with the job"
    return f"writable, {blueprint.size_bytes} bytes, {then}"


def _listed(steps: list[Step]) -> Iterator[str]:
    for number, step in enumerate(steps, start=1):
        arguments = ", ".join(_shown(argument) for argument in step.arguments)
        maybe = ", if possible" if step.may_fail else ""
        yield f"{number:4}. {step.purpose}{maybe}: {step.call}({arguments})"


def _shown(argument: Argument) -> str:
    match argument:
        case int():
            return str(argument) if -1000 < argument < 1000 else hex(argument)
        case str():
            return repr(argument if len(argument) <= _LONGEST else argument[:_LONGEST] + "…")
        case bytes():
            return f"<{len(argument)} bytes>"
        case Program(instructions):
            return f"<filter of {len(instructions) // 8} instructions>"
        case Texts(texts):
            return repr([text.decode() for text in texts])
        case Result(name) | Parameter(name):
            return f"<{name}>"
        case Rights(name):
            return f"<message with {name}>"
