"""What can happen to an engine. Pure."""

from typing import TypeAlias

import attrs

from maelstrom_core.model.ids import JobId
from maelstrom_core.model.outcome import Outcome


@attrs.frozen
class JobGiven:
    """Somebody wants a job to be run.

    :param root: name of the container it runs in
    :param expected_duration: seconds, if known
    :param timeout: seconds it may run, or its first part
    :param later_timeouts: the same for each part after the first
    :param grace: seconds between TERM and KILL
    :param fork: it is to be a fork of the container's template
    :param warm_up: it is over when the container's template is ready
    :param stack_signal: sent a moment before TERM; 0 for none
    """

    job: JobId
    root: str
    priority: int = 0
    expected_duration: float | None = None
    slots: int = 1
    timeout: float | None = None
    grace: float = 2.0
    fork: bool = False
    warm_up: bool = False
    stack_signal: int = 0
    later_timeouts: tuple[float | None, ...] = ()


@attrs.frozen
class RootReady:
    """A container's layers are there: slots can be told of it."""

    root: str


@attrs.frozen
class RootFailed:
    """A container cannot be made; the outcome is that of every job in it."""

    root: str
    outcome: Outcome


@attrs.frozen
class JobStarted:
    """A job's program runs."""

    slot: int
    job: JobId


@attrs.frozen
class PartBegan:
    """A job is in its next part: its clock begins anew."""

    job: JobId


@attrs.frozen
class JobEnded:
    """A job's container is gone, or never came to be."""

    slot: int
    job: JobId
    outcome: Outcome


@attrs.frozen
class SlotLost:
    """A slot process died, and what it ran with it; another one takes its place."""

    slot: int
    reason: str


@attrs.frozen
class TemplateWarm:
    """A template is ready.

    :param unfit: why it must not be forked; empty if it may
    :param memory_bytes: what it takes, as it says itself
    """

    root: str
    unfit: str = ""
    memory_bytes: int = 0


@attrs.frozen
class TemplateMeasured:
    """What a template takes now, as the kernel says; it has changed since it was ready.

    :param memory_bytes: of itself, and of forks of it that wait for what they are to do
    """

    root: str
    memory_bytes: int


@attrs.frozen
class TemplateEnded:
    """A template has ended, or never came to be, and what was a fork of it with it.

    :param outcome: of the template's own program
    :param said: the last line that it wrote to its standard error
    """

    root: str
    outcome: Outcome
    said: str = ""


@attrs.frozen
class ForkRefused:
    """A job was not run, for its template cannot be forked safely any more."""

    root: str
    job: JobId
    why: str


@attrs.frozen
class TerminalWanted:
    """A job stands still until somebody attends to it: its time is not counted."""

    job: JobId


@attrs.frozen
class TerminalLeft:
    """A job goes on by itself: its time counts from now."""

    job: JobId


@attrs.frozen
class JobStays:
    """A job has done what it was to do, and stays to be looked at; it takes no slot any more."""

    job: JobId


@attrs.frozen
class CancelWanted:
    """A job is not wanted any more."""

    job: JobId
    reason: str


@attrs.frozen
class TimePassed:
    """The deadline that the machine asked for may have come."""


Event: TypeAlias = (
    JobGiven
    | RootReady
    | RootFailed
    | JobStarted
    | PartBegan
    | JobEnded
    | SlotLost
    | TemplateWarm
    | TemplateMeasured
    | TemplateEnded
    | ForkRefused
    | TerminalWanted
    | TerminalLeft
    | JobStays
    | CancelWanted
    | TimePassed
)
"""Everything that can happen."""
