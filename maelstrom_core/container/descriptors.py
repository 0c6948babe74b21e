"""Which descriptors a slot process keeps to itself. Standard library only."""

import os
import socket

FIRST_DESCRIPTOR = 10
"""Descriptors that jobs are given lie above the numbers that they are given as."""


def out_of_the_way(descriptor: int) -> socket.socket:
    """A socket that we were given, moved above `FIRST_DESCRIPTOR`; all numbers below are filled."""
    control = socket.socket(fileno=descriptor)
    # Moved first: the number it leaves is filled as well.
    if control.fileno() < FIRST_DESCRIPTOR:
        import fcntl

        moved = fcntl.fcntl(control.fileno(), fcntl.F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR)
        control = socket.socket(fileno=moved)
    while True:
        # Everything that jobs are given must lie above the numbers that they are given as.
        filler = os.open("/dev/null", os.O_RDWR)
        if filler >= FIRST_DESCRIPTOR:
            os.close(filler)
            return control
