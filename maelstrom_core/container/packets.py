"""What travels between engine and slot: tuples of plain values, as packets of a SEQPACKET socket.

Both ends are ours and of one interpreter, so marshal does; nothing that a job wrote is ever decoded
by it, only carried as bytes. What does not fit into a packet goes into a memfd, whose descriptor
travels instead. Standard library only.
"""

import array
import marshal
import os
import select
import socket
from typing import Any

LARGEST_PACKET = 64 * 1024
"""Well under the default send buffer of a Unix socket."""
_DESCRIPTOR_SPACE = socket.CMSG_SPACE(4)
_IN_A_FILE = b"\0"
_CLOSE_ON_EXEC = int(socket.MSG_CMSG_CLOEXEC)
"""As a number: flags of enumerations are slow to add, and this is done for each message."""


class OtherSideGone(OSError):
    """Nobody is there to read what is sent."""


def send(control: socket.socket, message: Any, descriptor: int = -1) -> None:
    """Send one message; waits while the other side is slow.

    :param message: built of tuples, lists, dicts, texts, bytes and numbers
    :param descriptor: travels along with a small message that is a list of one tuple, of which it
        becomes the last part
    :raises OtherSideGone: if the other side is gone
    :raises OSError: if it cannot be sent
    """
    try:
        _send(control, message, descriptor)
    except (BrokenPipeError, ConnectionResetError) as error:
        raise OtherSideGone(*error.args) from None


def has_room(control: socket.socket) -> bool:
    """Whether a packet of any size is sent at once: a good part of the other side's room is free."""
    poll = select.poll()
    poll.register(control, select.POLLOUT)
    return bool(poll.poll(0))


def _send(control: socket.socket, message: Any, descriptor: int) -> None:
    data = marshal.dumps(message)
    if descriptor >= 0:
        control.sendmsg([data], [_rights(descriptor)])
        return
    if len(data) <= LARGEST_PACKET:
        control.send(data)
        return
    large = memory_file(data)
    try:
        control.sendmsg([_IN_A_FILE], [_rights(large)])
    finally:
        os.close(large)


def _rights(descriptor: int) -> tuple[int, int, "array.array[int]"]:
    return (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))


def received_descriptor(control: socket.socket) -> int:
    """The descriptor that has been sent over a stream; -1 if none was."""
    try:
        how = socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
        _, ancillary, _, _ = control.recvmsg(1, _DESCRIPTOR_SPACE, how)
    except BlockingIOError:
        return -1
    return _descriptor_in(ancillary)


def _descriptor_in(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            return int(array.array("i", content[:4])[0])
    return -1


def memory_file(data: bytes) -> int:
    """Descriptor of a memory file with these bytes, at its beginning, for reading."""
    descriptor = os.memfd_create("maelstrom", os.MFD_CLOEXEC)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def decode(data: bytes, ancillary: list[tuple[int, int, bytes]]) -> Any:
    """What was sent, out of one packet as ``recvmsg`` gives it; ``None`` at the end of the line."""
    descriptor = _descriptor_in(ancillary)
    if descriptor >= 0 and data == _IN_A_FILE:
        with os.fdopen(descriptor, "rb") as file:
            file.seek(0)
            return marshal.loads(file.read())
    message = marshal.loads(data) if data else None
    if descriptor < 0:
        return message
    if message is None:
        os.close(descriptor)
        return None
    ((*parts,),) = message
    return [(*parts, descriptor)]


def receive(control: socket.socket, flags: int = 0) -> Any:
    """Wait for one message; ``None`` if the other side is gone.

    :param flags: ``MSG_DONTWAIT`` not to wait
    :raises BlockingIOError: if it is not to wait and nothing is there
    """
    try:
        data, ancillary, _, _ = control.recvmsg(
            2 * LARGEST_PACKET, _DESCRIPTOR_SPACE, int(flags) | _CLOSE_ON_EXEC
        )
    except ConnectionResetError:
        return None
    return decode(data, ancillary)
