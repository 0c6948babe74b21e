"""What an engine wants done. Pure."""

from typing import TypeAlias

import attrs

from maelstrom_core.model.ids import JobId
from maelstrom_core.model.outcome import Outcome


@attrs.frozen
class MakeRoot:
    """Make a container's layers; answer with `RootReady` or `RootFailed`."""

    root: str


@attrs.frozen
class PrepareSlot:
    """Tell a slot of a container, before the first job in it is started there."""

    slot: int
    root: str


@attrs.frozen
class ForgetRoot:
    """Let a slot forget a container that it has not used for long."""

    slot: int
    root: str


@attrs.frozen
class StartJob:
    """Start a job on a slot; answered with `JobEnded` or `SlotLost`.

    :param not_forked: why it is not a fork of the template, as was wanted
    """

    slot: int
    job: JobId
    not_forked: str = ""


@attrs.frozen
class SetAside:
    """Let a job that stays have its slot's process to itself; the slot takes another one."""

    slot: int
    job: JobId


@attrs.frozen
class StartTemplate:
    """Start a container's template; answered with `TemplateWarm` or `TemplateEnded`."""

    root: str


@attrs.frozen
class StopTemplate:
    """Stop a template that no job uses; not answered."""

    root: str


@attrs.frozen
class ForkJob:
    """Fork a job from its container's template; answered with `JobEnded`, `ForkRefused` or
    `TemplateEnded`."""

    slot: int
    job: JobId


@attrs.frozen
class SignalJob:
    """Send a signal to a job's program; SIGKILL to its whole container."""

    slot: int
    job: JobId
    signal: int


@attrs.frozen
class Finish:
    """Tell whoever gave the job how it ended; once for each job."""

    job: JobId
    outcome: Outcome


Effect: TypeAlias = (
    MakeRoot
    | PrepareSlot
    | ForgetRoot
    | StartJob
    | SetAside
    | StartTemplate
    | StopTemplate
    | ForkJob
    | SignalJob
    | Finish
)
"""Everything that can be wanted."""
