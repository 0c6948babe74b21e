"""Several slot processes out of one that has loaded what they need. Standard library only.

To load it takes longer than all else that the start of a slot process does, and a fork shares its
memory, too. The forks are children of whoever started this process: who ends with whom, and who waits
for whom, is as if each had been started by itself.
"""

import os
from array import array
from collections.abc import Sequence

from maelstrom_core.container import flags as k
from maelstrom_core.container import syscalls
from maelstrom_core.container.facts import SlotFacts

_CLONE_ARGUMENTS = 11


def become_one(facts: SlotFacts, controls: Sequence[int], pids: int) -> int:
    """Fork a process for each control socket; in each, its own one.

    :param pids: descriptor to which the pids are written, a line each, in the order of the sockets; the
        first process that cannot be made is the end of them
    :return: -1 in the process that called
    """
    arguments = array("Q", bytes(8 * _CLONE_ARGUMENTS))
    arguments[0] = k.CLONE_PARENT
    clone3 = syscalls.NUMBERS[facts.machine]["clone3"]
    for own in controls:
        pid = syscalls.call(clone3, arguments.buffer_info()[0], 8 * _CLONE_ARGUMENTS)
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
