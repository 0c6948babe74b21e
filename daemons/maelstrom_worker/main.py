"""One life of a worker: opens what is needed, stays joined to a broker, ends when told to. For trio."""

import logging
import math
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from maelstrom_core.cluster.bulk_link import open_blobs
from maelstrom_core.cluster.choose import template_memory
from maelstrom_core.cluster.joining import AUTO, connection_to, join_of, opener_of_bulk
from maelstrom_core.cluster.link import Connection, Link
from maelstrom_core.cluster.local import open_local_backend
from maelstrom_core.errors import PeerError, UsageError
from maelstrom_core.settings import Settings
from maelstrom_core.settings.host import available_memory
from maelstrom_core.transport.join_plan import Join
from maelstrom_worker.shell import FROM_BROKERS, Worker

LOOK_SECONDS = 2.0
"""How often a broker of this machine is looked for, while there is none."""
_log = logging.getLogger("maelstrom.worker")


@attrs.define
class _Place:
    """Where the broker is; of one on this machine that may be elsewhere after it was started anew."""

    settings: Settings
    join: Join | None = None

    def look(self) -> bool:
        """Look again; whether that has changed anything.

        :raises UsageError: if it cannot be found out, and never will
        """
        before = self.join
        broker, directory = self.settings.broker, Path(self.settings.cluster_directory)
        try:
            self.join = join_of(broker, "worker", directory)
        except UsageError:
            if broker != AUTO:
                raise
        return self.join != before

    @asynccontextmanager
    async def open_bulk(self, port: int) -> AsyncIterator[Connection]:
        """The second link, to wherever the broker is by now."""
        assert self.join is not None
        async with opener_of_bulk(self.join)(port) as connection:
            yield connection


async def run(settings: Settings) -> None:
    """Be a worker until SIGTERM or SIGINT.

    :raises PeerError: if the broker will have none of this worker
    :raises maelstrom_core.errors.MaelstromError: if this machine cannot be one
    """
    place = _Place(settings)
    place.look()  # what is named wrongly is told at once
    store = Path(settings.store)
    async with (
        open_local_backend(
            store_directory=store,
            project_directory=store,
            slots=settings.slots,
            store_limit_bytes=settings.cache_size,
            interpreter=settings.interpreter,
            template_memory_bytes=template_memory(settings.template_memory, available_memory()),
            labels=settings.labels,
            others_keep_layers=True,
        ) as backend,
        open_blobs(place.open_bulk, backend.store) as blobs,
    ):
        worker = Worker(
            backend, blobs, name=settings.name, slots=settings.slots, labels=settings.labels
        )
        try:
            async with trio.open_nursery() as nursery:
                worker.nursery = nursery
                nursery.start_soon(worker.show_live)
                nursery.start_soon(_stay_joined, worker, place, nursery)
                with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                    await _until_told_to_stop(signals)
                    async with trio.open_nursery() as ending:
                        ending.start_soon(_hurry, signals, ending.cancel_scope)
                        grace = settings.grace
                        await worker.stop(math.inf if grace is None else grace)
                        ending.cancel_scope.cancel()
                nursery.cancel_scope.cancel()
        finally:
            worker.release()
    if worker.over:
        raise PeerError(f"the broker refuses this worker: {worker.over}")


async def _until_told_to_stop(signals: AsyncIterator[int]) -> None:
    async for number in signals:
        _log.info("told to stop by %s", signal.Signals(number).name)
        return


async def _hurry(signals: AsyncIterator[int], ending: trio.CancelScope) -> None:
    """End at once when told to a second time."""
    async for _ in signals:
        _log.info("told so again: what runs is ended")
        ending.cancel()


async def _stay_joined(worker: Worker, place: _Place, everything: trio.Nursery) -> None:
    """Keep a link to the broker, wherever it is; end everything if it will have none of us."""
    if place.join is None:
        _log.info("no broker of this user runs on this machine yet; waiting for one")
    while place.join is None:
        await trio.sleep(LOOK_SECONDS)
        place.look()
    while not (worker.over or worker.is_stopping):
        async with connection_to(place.join) as connection, trio.open_nursery() as nursery:
            worker.link = Link(connection, worker, allowed=FROM_BROKERS, is_worker=True)
            nursery.start_soon(_until_it_moves, worker, place, nursery.cancel_scope)
            await worker.link.run()
            nursery.cancel_scope.cancel()
    if worker.is_stopping:
        return
    everything.cancel_scope.cancel()


async def _until_it_moves(worker: Worker, place: _Place, link: trio.CancelScope) -> None:
    """Begin with a new link when the broker has come back elsewhere."""
    while True:
        await trio.sleep(LOOK_SECONDS)
        if worker.link is not None and not worker.link.is_up and place.look():
            _log.info("the broker is elsewhere now")
            link.cancel()
