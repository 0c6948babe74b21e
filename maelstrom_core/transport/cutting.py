"""Ends a connection that is libzmq's, which has no call for that.

It is shut down and not closed: libzmq reads its end, as of any other, and closes the descriptor itself.
Between the event by which it is known and now its number may have become another's. So what is no
connection to this port is left alone; another peer that is cut by mistake comes again.
"""

import os
import socket
from contextlib import suppress


def cut(descriptor: int, port: int) -> None:
    """Shut a connection down, if there is one.

    :param port: on which it has come
    """
    try:
        copy = os.dup(descriptor)
    except OSError:
        return  # it is closed already
    try:
        connection = socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        return
    with connection, suppress(OSError):
        listens = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        is_tcp = connection.family in (socket.AF_INET, socket.AF_INET6)
        if is_tcp and not listens and connection.getsockname()[1] == port:
            connection.shutdown(socket.SHUT_RDWR)
