"""A broker's process: keys, sockets, blobs, signals; and how it is told that its parent is gone."""

import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import attrs
import trio

from maelstrom_broker.descriptors import connections_of_a_listener, raise_the_limit
from maelstrom_broker.keeping import Kept, kept_files
from maelstrom_broker.log import Log
from maelstrom_broker.shell import Shell
from maelstrom_broker.state import BrokerState
from maelstrom_core.errors import HostError
from maelstrom_core.settings import Settings
from maelstrom_core.transfer.server import MOST_WAITING, BulkServer, open_bulk_server
from maelstrom_core.transfer.server_state import Limits as BlobLimits
from maelstrom_core.transport.address_plan import split_address
from maelstrom_core.transport.endpoints import Limits, Listener, open_listener
from maelstrom_core.transport.keyring import Keyring

_FAREWELL_SECONDS = 1.0
"""How long the last messages may take to leave."""
_PART_LEFT_FREE = 10
"""Of a disk no more than a tenth is left free."""


async def serve(
    settings: Settings, port: int, parent: int, ready: Callable[[str], None], *, again: bool
) -> None:
    """Serve until a signal, an admin, or the parent's end says otherwise.

    :param port: where to listen; 0 for one that is free
    :param parent: a descriptor that is at its end when the parent is
    :param ready: told the addresses, which have one port, once it can be reached
    :param again: another one has died before this one
    """
    # First of all, so that whoever is told to stop in the meantime says goodbye as well.
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        await _serve(settings, port, parent, ready, signals, again=again)


async def _serve(
    settings: Settings,
    port: int,
    parent: int,
    ready: Callable[[str], None],
    signals: AsyncIterator[int],
    *,
    again: bool,
) -> None:
    log = Log(settings.log_level)
    keyring = Keyring(Path(settings.cluster_directory))
    keyring.ensure()
    keys, authorized = keyring.broker_keys(), keyring.authorized()
    connections = connections_of_a_listener(raise_the_limit())
    async with (
        _blobs(settings, keyring, log, connections) as (bulk_port, bulk_server),
        open_listener(
            keys,
            authorized,
            host=settings.listen[0],
            port=port,
            limits=Limits(connections=connections),
            linger_seconds=_FAREWELL_SECONDS,
        ) as listener,
        kept_files(settings, log.say) as kept,
    ):
        machine = BrokerState(
            secrets.token_bytes(16),
            now=trio.current_time(),
            bulk_port=bulk_port,
            window=settings.window,
            client_away=settings.client_away,
            keeps_history=kept.history is not None,
            keeps_runs=kept.runs is not None,
        )
        machine.book.stories.begin_with(kept.past)
        shell = Shell(machine, listener, log.say, kept.history, kept.runs)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_watch_signals, shell, signals)
            nursery.start_soon(_watch_parent, shell, parent)
            if settings.web is not None:
                opened = Opened(machine, shell, bulk_server, kept)
                await _open_page(nursery, settings, opened, log, again=again)
            keyring.publish_address(listener.address)
            addresses = " and ".join(listener.addresses)
            facts = {"address": addresses, "blobs_port": bulk_port, "pid": os.getpid()}
            log.say("warning" if again else "info", "started again" if again else "started", facts)
            ready(addresses)
            await shell.run()
            nursery.cancel_scope.cancel()
        keyring.withdraw_address(listener.address)
        log.say("info", "stopped")


@asynccontextmanager
async def _blobs(
    settings: Settings, keyring: Keyring, log: Log, connections: int
) -> AsyncIterator[tuple[int, BulkServer]]:
    """The bulk links, on a thread of their own: the port on which they are, and who answers."""
    keys, addresses = keyring.broker_keys(), list[str]()

    @asynccontextmanager
    async def listening() -> AsyncIterator[Listener]:
        # Its own reading of who may join, for this is another thread.
        async with open_listener(
            keys,
            keyring.authorized(),
            host=settings.listen[0],
            port=settings.blobs_port,
            limits=Limits(
                waiting_to_go=MOST_WAITING, waiting_to_come=MOST_WAITING, connections=connections
            ),
        ) as listener:
            addresses.append(listener.address)
            yield listener

    directory = Path(settings.blobs)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    size = settings.blobs_size
    disk = os.statvfs(directory)
    # Else a broker on a small disk would refuse all there is.
    free = min(settings.blobs_free, disk.f_blocks * disk.f_frsize // _PART_LEFT_FREE)
    limits = BlobLimits(most_bytes=size, share_bytes=size // 2, rest_share=0.5, free_bytes=free)
    token = trio.lowlevel.current_trio_token()

    def tell(text: str) -> None:
        token.run_sync_soon(log.say, "warning", text)

    async with open_bulk_server(listening, directory, limits, tell=tell) as server:
        yield split_address(addresses[0])[1] if addresses else 0, server


@attrs.frozen
class Opened:
    """What the page shows something of."""

    machine: BrokerState
    shell: Shell
    bulk: BulkServer
    kept: Kept


async def _open_page(
    nursery: trio.Nursery, settings: Settings, opened: Opened, log: Log, *, again: bool
) -> None:
    """The page and the metrics; nothing of them is loaded before."""
    try:
        from maelstrom_broker.web.drawings import Drawings
        from maelstrom_broker.web.metrics_plan import BlobFacts
        from maelstrom_broker.web.opening import serve_page
        from maelstrom_broker.web.source import Source
    except ModuleNotFoundError as error:
        raise HostError(
            f"the broker's page needs {error.name}, which is not installed",
            remedy="pip install 'pytest-maelstrom[web]', or --web off",
        ) from None

    def blobs() -> BlobFacts:
        # Read while another thread changes it: numbers that belong to neighbouring moments.
        holdings, counts = opened.bulk.directory.holdings, opened.bulk.counts
        return BlobFacts(
            count=len(holdings),
            bytes=holdings.bytes,
            received_bytes=counts.bytes_in,
            sent_bytes=counts.bytes_out,
            requests=counts.requests,
            refused=counts.refused,
        )

    book, offset = opened.machine.book, time.time() - trio.current_time()
    keep = opened.shell.draw if opened.kept.runs is not None else None
    drawings = Drawings(book, opened.kept.drawn, offset, keep)
    source = Source(book, blobs, drawings)
    await nursery.start(partial(serve_page, settings, source, log.say, again=again))


async def _watch_signals(shell: Shell, signals: AsyncIterator[int]) -> None:
    async for number in signals:
        shell.stop(f"the broker was stopped by {signal.Signals(number).name}")


async def _watch_parent(shell: Shell, parent: int) -> None:
    """The parent writes nothing: to be readable is to be at its end."""
    await trio.lowlevel.wait_readable(parent)
    shell.stop("the broker's parent process is gone")
