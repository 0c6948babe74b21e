"""Tells the service manager how far a daemon is: the protocol of ``sd_notify(3)``.

``NOTIFY_SOCKET`` names a datagram socket where a unit is of ``Type=notify``. Where it is not set, and
where nobody listens any more, nothing happens: no daemon may fail because of who started it.
"""

import os
import socket
from contextlib import suppress


def tell_manager(*assignments: str) -> None:
    """Say something about this process, such as ``READY=1`` or ``STATUS=joined the cluster``.

    :param assignments: each is one line of the message, so a line break within is taken as a space
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return  # of another family (VSOCK): what a virtual machine has for its own init
    if address.startswith("@"):
        address = "\0" + address[1:]
    message = "\n".join(one.replace("\n", " ") for one in assignments)
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        # It must never be waited for: full buffers are its affair.
        manager.setblocking(False)
        manager.sendto(message.encode(), address)
