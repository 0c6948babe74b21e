"""How a broker is named in settings, and links to it. Loads ZeroMQ, so only when a broker is named.

A broker is named by a join string, by a file that holds one, by ``HOST:PORT`` or by ``auto``. For the
last two there are keys of this user on this machine: that of a role is in the cluster's directory.
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import attrs

from maelstrom_core.errors import InputError, UsageError
from maelstrom_core.transport.address_plan import address_fault, join_address, split_address
from maelstrom_core.transport.endpoints import Connector, open_connector
from maelstrom_core.transport.join_plan import Join, parse_join
from maelstrom_core.transport.keyring import LOCAL_NAME, Keyring
from maelstrom_core.transport.keys import read_own_file, read_secret
from maelstrom_core.transport.principal import Principal

AUTO = "auto"
_BEGINNING = "maelstrom-join-"
_LINGER_SECONDS = 0.5


def join_of(broker: str, role: str, directory: Path) -> Join:
    """What one needs in order to join.

    :param broker: how it is named in settings
    :param role: ``client`` or ``worker``
    :param directory: the cluster's, of this user on this machine
    :raises maelstrom_core.errors.UsageError: if it is named wrongly, or its keys cannot be used
    """
    if broker == AUTO:
        return Keyring(directory).local_join(role)
    if broker.lstrip().startswith(_BEGINNING):
        join = parse_join(broker)
    elif not address_fault(broker):
        return _with_local_keys(broker, role, directory)
    elif os.sep in broker or os.path.exists(broker):
        join = parse_join(_read(Path(broker)))
    else:
        raise InputError(
            "bad settings",
            [f"broker: {broker[:80]!r} is no join string, no file, no HOST:PORT, and not auto"],
        )
    if join.principal.role != role:
        raise UsageError(
            f"the join string is {join.principal.role}'s, and this is a {role}",
            remedy=f"ask for one with the role {role}: maelstrom-admin",
        )
    return join


def _read(path: Path) -> str:
    try:
        return read_own_file(
            path, refused_mode=0o077, what="file of a join string", remedy=f"chmod 600 {path}"
        )
    except OSError as error:
        raise UsageError(f"the join string in {path} cannot be read: {error.strerror}") from None


def _with_local_keys(address: str, role: str, directory: Path) -> Join:
    keyring = Keyring(directory)
    if not keyring.exists():
        raise UsageError(
            f"there are no keys for the broker at {address} in {directory}",
            remedy="give a join string: it has the address and the keys",
        )
    try:
        pair = read_secret(directory / "secrets" / f"{role}-{LOCAL_NAME}")
    except OSError as error:
        raise UsageError(
            f"there is no key of a {role} in {directory}: {error.strerror}",
            remedy="give a join string: it has the address and the keys",
        ) from None
    return Join(Principal(role, LOCAL_NAME), address, keyring.broker_key(), pair.secret)


@asynccontextmanager
async def connection_to(join: Join) -> AsyncIterator[Connector]:
    """The link to a broker, for as long as the context lasts."""
    async with open_connector(join, linger_seconds=_LINGER_SECONDS) as connector:
        yield connector


def opener_of_bulk(join: Join) -> Callable[[int], AbstractAsyncContextManager[Connector]]:
    """What opens the second link, once the port is known."""
    host, _ = split_address(join.address)

    def open_at(port: int) -> AbstractAsyncContextManager[Connector]:
        return open_connector(attrs.evolve(join, address=join_address(host, port)))

    return open_at
