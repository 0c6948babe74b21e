"""A slot process that does not get to run before its job has ended, as on a machine that is busy."""

import os
import select
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.realpath(os.path.join(os.path.dirname(__file__), "../..")))

from typing import Any

from maelstrom_core.container import slot
from maelstrom_core.container.running import RunningJob


class LateJob(RunningJob):
    """Is only looked at when its pid 1 is no more."""

    def __init__(self, *arguments: Any, pidfd: int, **fields: Any) -> None:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.poll()
        super().__init__(*arguments, pidfd=pidfd, **fields)


if __name__ == "__main__":
    slot.RunningJob = LateJob  # type: ignore[misc]
    os._exit(slot.main(sys.argv[1:]))
