"""A ZeroMQ socket in trio: no thread, no message lost or repeated when a call is cancelled.

ZeroMQ gives one descriptor to wait for, and it does not say "readable" or "writable": it says that
the socket's mailbox of commands has *become* non-empty. Sending, receiving and asking for ``EVENTS``
each empty that mailbox, for both directions and for every task at once. Five rules follow.

1. Sleep only right after ``EVENTS`` said no, with no ``await`` between.
2. Whoever touches the socket while another task sleeps reads ``EVENTS`` again, and wakes whom it
   serves; to have read ``EVENTS`` is to have touched the socket.
3. One task, the leader, waits for the descriptor (trio allows one only). When it leaves, cancelled
   or not, it wakes the rest, of whom one leads next.
4. Wait for the descriptor to be *readable*, also in order to send; never read or write it: libzmq
   aborts.
5. Nothing awaits between the moment in which a message is taken off (or put on) the socket and the
   return, but for a checkpoint that cannot be cancelled.

A flood of messages does not find what breaks without them, as several receivers rescue one another.
Small windows and one task for each direction do; so do the tests that put each signal in its place.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import trio
import zmq

Taken = TypeVar("Taken")

RECEIVE = int(zmq.POLLIN)
SEND = int(zmq.POLLOUT)


def whole(socket: "zmq.Socket[bytes]") -> list[bytes]:
    """Take one message with all of its frames.

    :raises zmq.Again: if there is none
    """
    frames = [socket.recv(zmq.NOBLOCK)]
    # The frames of a message arrive together or not at all.
    while socket.getsockopt(zmq.RCVMORE):
        frames.append(socket.recv(zmq.NOBLOCK))
    return frames


class TrioSocket(Generic[Taken]):
    """Owns a socket, from now on; it never leaves the thread of its trio loop.

    :param socket: connected or bound already, or to be so by the caller in this thread
    :param take: takes one message off the socket, without waiting; raises ``zmq.Again`` if there is
        none, and nothing else on account of what a message says
    """

    def __init__(
        self, socket: "zmq.Socket[bytes]", take: Callable[["zmq.Socket[bytes]"], Taken]
    ) -> None:
        self._socket = socket
        self._take = take
        self._descriptor = int(socket.getsockopt(zmq.FD))
        self._parked = {RECEIVE: trio.lowlevel.ParkingLot(), SEND: trio.lowlevel.ParkingLot()}
        self._leader_wants = 0
        self._is_closed = False

    async def recv(self) -> Taken:
        """One message.

        :raises trio.ClosedResourceError: if the socket is closed, or is being so meanwhile
        """
        (taken,) = await self.recv_batch(1)
        return taken

    async def recv_batch(self, limit: int) -> list[Taken]:
        """What there is, at least one message, at most ``limit``.

        :raises trio.ClosedResourceError: if the socket is closed, or is being so meanwhile
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        while True:
            if taken := self.recv_nowait(limit):
                await trio.lowlevel.cancel_shielded_checkpoint()
                return taken
            await self.wait(RECEIVE)

    def recv_nowait(self, limit: int) -> list[Taken]:
        """What there is, at most ``limit`` messages, perhaps none.

        :raises trio.ClosedResourceError: if the socket is closed
        """
        self._check_open()
        taken: list[Taken] = []
        try:
            while len(taken) < limit:
                taken.append(self._take(self._socket))
        except zmq.Again:
            pass
        except zmq.ZMQError:
            # What was taken must reach the caller; the error comes again.
            if not taken:
                raise
        finally:
            self._serve_others()
        return taken

    async def send(self, frames: Sequence[bytes]) -> None:
        """Send one message, once there is room. Cancelled, it has not been sent.

        Not for a ROUTER: that has room as soon as *any* of its peers has.

        :raises trio.ClosedResourceError: if the socket is closed, or is being so meanwhile
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self.send_nowait(frames):
            await self.wait(SEND)
        await trio.lowlevel.cancel_shielded_checkpoint()

    def send_nowait(self, frames: Sequence[bytes]) -> bool:
        """Send one message if there is room for it.

        :return: whether there was
        :raises trio.ClosedResourceError: if the socket is closed
        :raises zmq.ZMQError: ``EHOSTUNREACH`` if a ROUTER has no such peer
        """
        self._check_open()
        try:
            for frame in frames[:-1]:
                self._socket.send(frame, zmq.NOBLOCK | zmq.SNDMORE)
            self._socket.send(frames[-1], zmq.NOBLOCK)
        except zmq.Again:
            return False
        finally:
            self._serve_others()
        return True

    async def wait(self, direction: int) -> None:
        """Sleep until there is a message (`RECEIVE`) or room for one (`SEND`), or seems to be.

        :raises trio.ClosedResourceError: if the socket is closed, or is being so meanwhile
        """
        while True:
            self._check_open()
            if self._look() & direction:
                return
            if self._leader_wants:
                await self._parked[direction].park()
            else:
                await self._lead(direction)

    async def _lead(self, direction: int) -> None:
        self._leader_wants = direction
        try:
            await trio.lowlevel.wait_readable(self._descriptor)
        except trio.ClosedResourceError:
            pass  # Nudged: by another task that has seen what we wait for, or that closes.
        finally:
            self._leader_wants = 0
            self._wake_all()

    def _look(self) -> int:
        """Which directions are possible; wakes others who wait for one that is."""
        possible = int(self._socket.getsockopt(zmq.EVENTS))
        for direction, lot in self._parked.items():
            if possible & direction:
                lot.unpark_all()
        if possible & self._leader_wants:
            trio.lowlevel.notify_closing(self._descriptor)
        return possible

    def touched(self) -> None:
        """The owner has done something else to the socket, such as connecting it: rule 2."""
        self._serve_others()

    def _serve_others(self) -> None:
        if not self._is_closed and (self._leader_wants or any(self._parked.values())):
            self._look()

    def _wake_all(self) -> None:
        for lot in self._parked.values():
            lot.unpark_all()

    def _check_open(self) -> None:
        if self._is_closed:
            raise trio.ClosedResourceError("this socket was closed")

    def close(self, *, linger_seconds: float = 0) -> None:
        """Close the socket; whoever waits is told. Closing twice does nothing.

        :param linger_seconds: how long what has been sent may still leave, in the background
        """
        if self._is_closed:
            return
        self._is_closed = True
        # Before the descriptor is, as its number may be another file's at once.
        trio.lowlevel.notify_closing(self._descriptor)
        self._wake_all()
        self._socket.close(linger=round(linger_seconds * 1000))
