"""Says to libzmq whose key may come in: the handler of ZAP, as a task in trio.

Bound before any server's socket is, and asked with a domain of its own: without a handler, and with
neither, libzmq lets in whoever has any key at all.
"""

from collections.abc import Callable

import zmq

from maelstrom_core.transport.authorized import Authorized
from maelstrom_core.transport.principal import Principal, key_from_bytes
from maelstrom_core.transport.zmq_trio import TrioSocket, whole

DOMAIN = b"maelstrom"
_ENDPOINT = "inproc://zeromq.zap.01"
_VERSION = b"1.0"
_BATCH = 64


def user_id(principal: Principal, key: str) -> str:
    """What libzmq attaches to every message of a connection: who it is, and by which key."""
    return f"{principal.role}:{principal.name}:{key}"


def parse_user_id(text: str) -> tuple[Principal, str]:
    """The principal and the public key in a user id that `user_id` has made."""
    role, name, key = text.split(":", 2)
    return Principal(role, name), key


class ZapHandler:
    """Answers for all server sockets of one context.

    :param authorized: whom to let in
    :ivar refused: told of each that is not: the other's address, and public key if there is one
    """

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        authorized: Authorized,
    ) -> None:
        socket = context.socket(zmq.ROUTER)
        socket.bind(_ENDPOINT)
        self._socket = TrioSocket(socket, whole)
        self._authorized = authorized
        self.refused: Callable[[str, str], None] | None = None

    async def serve(self) -> None:
        """Answer until cancelled."""
        while True:
            for request in await self._socket.recv_batch(_BATCH):
                if answer := self._answer(request):
                    self._socket.send_nowait(answer)

    def close(self) -> None:
        """Answer no more: nobody new is let in."""
        self._socket.close()

    def _answer(self, frames: list[bytes]) -> list[bytes]:
        if len(frames) < 8 or frames[2] != _VERSION:
            return []  # Only libzmq itself asks here.
        peer, empty, version, request, domain, address, _, mechanism, *credentials = frames
        who = self._admitted(domain, mechanism, credentials, address.decode(errors="replace"))
        status = [b"200", b"OK", who.encode()] if who else [b"400", b"unknown key", b""]
        return [peer, empty, version, request, *status, b""]

    def _admitted(
        self, domain: bytes, mechanism: bytes, credentials: list[bytes], address: str
    ) -> str:
        """The user id; empty if this one is not let in."""
        key = ""
        if domain == DOMAIN and mechanism == b"CURVE" and list(map(len, credentials)) == [32]:
            key = key_from_bytes(credentials[0])
            self._authorized.refresh()
            if principal := self._authorized.principal(key):
                return user_id(principal, key)
        if self.refused is not None:
            self.refused(address, key)
        return ""
