"""Run jobs in containers from Python: `open_runner` with trio, `Runner` without it.

::

    from maelstrom_core.api import Runner

    with Runner() as runner:
        print(runner.run({"program": "echo", "arguments": ["hello"]}).stdout.text())
"""

from maelstrom_core.api.blocking import Runner
from maelstrom_core.api.jobs import Jobs
from maelstrom_core.api.runner import AsyncRunner, Ended, open_runner
from maelstrom_core.api.system import system_container
from maelstrom_core.errors import HostError, InputError, MaelstromError, UsageError
from maelstrom_core.model.container import ContainerSpec, Network
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.limits import Limit, LimitHit
from maelstrom_core.model.outcome import (
    Cancelled,
    CouldNotStart,
    Exited,
    HostFailed,
    InputFailed,
    JobResult,
    Outcome,
    OverLimit,
    Signaled,
    TimedOut,
    describe,
)
from maelstrom_core.spec.jobs_plan import PlannedJob

__all__ = [
    "AsyncRunner",
    "Cancelled",
    "ContainerSpec",
    "CouldNotStart",
    "Ended",
    "Exited",
    "HostError",
    "HostFailed",
    "InputError",
    "InputFailed",
    "JobResult",
    "JobSpec",
    "Jobs",
    "Limit",
    "LimitHit",
    "MaelstromError",
    "Network",
    "Outcome",
    "OverLimit",
    "PlannedJob",
    "Runner",
    "Signaled",
    "TimedOut",
    "UsageError",
    "describe",
    "open_runner",
    "system_container",
]
