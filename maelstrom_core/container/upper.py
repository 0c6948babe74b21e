"""What a job writes to its root, within reach of its slot. Standard library only.

A job's script opens the upper directory of its root and sends it over a socket, before it pivots to
where no path leads there. The descriptor keeps the file system alive when the job and its mounts are
gone, so that the engine can read at leisure what has become of it.
"""

import os
import socket

from maelstrom_core.container.packets import received_descriptor
from maelstrom_core.container.script import Table


class UpperOnItsWay:
    """The upper directory that a job's script opens, on its way to the slot."""

    def __init__(self, table: Table) -> None:
        """Give the script what it needs."""
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        table.set("changes", self._theirs.fileno())

    def descriptor(self, *, wanted: bool) -> int:
        """The directory, once the script has been performed; -1 if it did not get that far.

        :param wanted: false if the job could not be started after all
        """
        with self._ours, self._theirs:
            found = received_descriptor(self._ours)
        if found >= 0 and not wanted:
            os.close(found)
            return -1
        return found
