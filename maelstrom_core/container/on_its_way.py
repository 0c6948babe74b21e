"""Descriptors that a job's script opens, on their way to the slot. Standard library only.

*What the job writes to its root*: the upper directory, opened before the script pivots to where no
path leads there. The descriptor keeps the file system alive when the job and its mounts are gone, so
that the engine can read at leisure what has become of it.

*Its mounts*, as a mount namespace, for a job that leaves files to be collected: it may be over before
the slot runs again, and nobody finds the namespace by a process that has ended.
"""

import os
import socket

from maelstrom_core.container.packets import received_descriptor
from maelstrom_core.container.script import Table


class OnItsWay:
    """What a script hands over."""

    def __init__(self, table: Table, **wanted: bool) -> None:
        """Give the script what it needs.

        :param wanted: for each thing whether this script hands it over; its parameter is the name
        """
        self._sockets: dict[str, tuple[socket.socket, socket.socket]] = {}
        for name in (name for name, is_wanted in wanted.items() if is_wanted):
            pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            self._sockets[name] = pair
            table.set(name, pair[1].fileno())

    def descriptors(self, *, wanted: bool) -> dict[str, int]:
        """Those that have come, once the script has been performed.

        :param wanted: false if the job could not be started after all
        """
        found = {}
        for name, (ours, theirs) in self._sockets.items():
            with ours, theirs:
                found[name] = received_descriptor(ours)
        if wanted:
            return found
        for descriptor in found.values():
            if descriptor >= 0:
                os.close(descriptor)
        return {}
