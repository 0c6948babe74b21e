"""A template that is started before the engine asks for it: while the rest of the client is imported.

Whoever starts one early guesses what the engine will ask for. The engine asks for what it needs, and is
given the early one only if that was told exactly the same, to the last byte: the container, the program,
what it reads. A wrong guess costs a process that is ended, nothing else. Without trio, so that it can be
done before that is imported.
"""

import atexit
import os
from typing import Any, NamedTuple

from maelstrom_core.container.blueprint import Blueprint
from maelstrom_core.container.facts import slot_facts
from maelstrom_core.container.limits_plan import wants_groups
from maelstrom_core.container.messages import Launch, Prepare
from maelstrom_core.container.packets import send
from maelstrom_core.container.plan import launch_arguments
from maelstrom_core.container.slot_process import Kind, SlotProcess, kind_of, take
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.job import DEFAULT_OUTPUT_BYTES

MOST_AHEAD = 4
"""Forks of a template that wait for what they are to do: each holds some memory."""
TEMPLATE_JOB = 0


class Told(NamedTuple):
    """What the slot process of a template is told first, and which kind of process it is."""

    kind: Kind
    interpreter: str
    messages: tuple[tuple[Any, ...], ...]


def forks_ahead(slots: int) -> int:
    """How many forks wait: as many as may run at once, so that each slot finds one made ahead."""
    return min(slots, MOST_AHEAD)


def launch_of(key: str, spec: ContainerSpec) -> Launch:
    """How the template of a container is started.

    :param key: of the container, as slots know it
    """
    template = spec.template
    assert template is not None
    return Launch(
        TEMPLATE_JOB,
        key,
        template.program,
        template.arguments,
        spec.environment,
        spec.working_directory,
        DEFAULT_OUTPUT_BYTES,
        True,
        template.stdin,
    )


def told(prepare: Prepare, launch: Launch, *, ahead: int, interpreter: str) -> Told:
    """What its slot process is told; see `maelstrom_core.container.ports.OpenTemplate`."""
    packed = (
        prepare.key,
        launch_arguments(launch),
        launch.environment,
        os.fsencode(launch.working_directory),
        launch.output_bytes,
        launch.stdin,
        ahead,
    )
    messages = (("prepare", prepare.key, prepare.spec), ("template", packed))
    return Told(kind_of(prepare), interpreter, messages)


def started(what: Told) -> SlotProcess:
    """A slot process that was told this.

    :raises OSError: if no process can be started, or it has died at once
    """
    process = take(what.kind, what.interpreter)
    for message in what.messages:
        send(process.control, message)
    return process


_early: list[tuple[Told, SlotProcess]] = []
_taken = 0


def start_early(prepare: Prepare, launch: Launch, *, ahead: int, interpreter: str) -> None:
    """Start a template that the engine will probably ask for.

    Nothing is done for one whose limits need a control group: those are the engine's.

    :raises OSError: if no process can be started
    """
    if wants_groups(Blueprint.from_plain(prepare.spec), slot_facts()):
        return
    if not _early:
        atexit.register(end_early)
    what = told(prepare, launch, ahead=ahead, interpreter=interpreter)
    _early.append((what, started(what)))


def taken(what: Told) -> SlotProcess | None:
    """The one that was told this and runs, if there is one; if not, the guess was wrong: all end."""
    global _taken
    for index, (its_own, process) in enumerate(_early):
        if its_own == what and process.process.poll() is None:
            del _early[index]
            _taken += 1
            return process
    end_early()
    return None


def number_taken() -> int:
    """How many of those that were started early were asked for."""
    return _taken


def end_early() -> None:
    """End those that nobody has asked for."""
    while _early:
        _early.pop()[1].end()
