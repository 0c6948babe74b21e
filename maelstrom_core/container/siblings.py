"""Several slot processes out of one that has loaded what they need. Standard library only.

To load it takes longer than all else that the start of a slot process does, and a fork shares its
memory, too. The forks are children of whoever started this process: who ends with whom, and who waits
for whom, is as if each had been started by itself.
"""

import gc
import os
from collections.abc import Sequence
from signal import SIGCHLD

from maelstrom_core.container import flags as k
from maelstrom_core.container import syscalls
from maelstrom_core.container.facts import SlotFacts


def become_one(facts: SlotFacts, controls: Sequence[int], pids: int) -> int:
    """Fork a process for each control socket, if there are several; in each, its own one.

    What was loaded stays, and leaves no garbage: nobody looks for any from now on, which would touch all
    of the memory that forks share.

    :param pids: descriptor to which the pids are written, a line each, in the order of the sockets; the
        first process that cannot be made is the end of them
    :return: -1 in the process that has forked
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    if len(controls) == 1:
        return controls[0]
    # Not clone3: where that is refused, the first job says so, with the remedy.
    clone = syscalls.NUMBERS[facts.machine]["clone"]
    for own in controls:
        pid = syscalls.call(clone, k.CLONE_PARENT | SIGCHLD)
        if pid == 0:
            for other in (pids, *controls):
                if other != own:
                    os.close(other)
            # The kernel shares CPUs out among sessions: it has one of its own, as if started alone.
            os.setsid()
            return own
        if pid < 0:
            break
        os.write(pids, b"%d\n" % pid)
    return -1
