"""A cluster's keys, and links over loopback between both ends, with real sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import attrs
import pytest

from maelstrom_core.transport.endpoints import (
    Connector,
    Limits,
    Listener,
    open_connector,
    open_listener,
)
from maelstrom_core.transport.join_plan import Join
from maelstrom_core.transport.keyring import Keyring


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    made = Keyring(tmp_path / "cluster")
    made.ensure()
    return made


@attrs.frozen
class Broker:
    """A listener, with the keys of its cluster."""

    listener: Listener
    keyring: Keyring

    def join(self, role: str = "client") -> Join:
        self.keyring.publish_address(self.listener.address)
        return self.keyring.local_join(role)

    def connect(self, role: str = "client") -> AbstractAsyncContextManager[Connector]:
        return open_connector(self.join(role))


OpenBroker = Callable[..., AbstractAsyncContextManager[Broker]]


@pytest.fixture
def open_broker(keyring: Keyring) -> OpenBroker:
    @asynccontextmanager
    async def opened(port: int = 0, limits: Limits | None = None) -> AsyncIterator[Broker]:
        keys, authorized = keyring.broker_keys(), keyring.authorized()
        async with open_listener(keys, authorized, port=port, limits=limits) as listener:
            yield Broker(listener, keyring)

    return opened
