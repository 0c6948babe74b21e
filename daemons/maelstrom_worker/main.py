"""One life of a worker: opens what is needed, stays joined to a broker, ends when told to. For trio."""

import logging
import math
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import trio

from maelstrom_core.cluster.bulk_link import open_blobs
from maelstrom_core.cluster.choose import template_memory
from maelstrom_core.cluster.joining import connection_to
from maelstrom_core.cluster.link import Link
from maelstrom_core.cluster.local import open_local_backend
from maelstrom_core.cluster.place import Place
from maelstrom_core.errors import PeerError
from maelstrom_core.settings import Settings
from maelstrom_core.settings.host import available_memory
from maelstrom_worker.shell import FROM_BROKERS, Worker

_log = logging.getLogger("maelstrom.worker")


async def run(settings: Settings) -> None:
    """Be a worker until SIGTERM or SIGINT.

    :raises PeerError: if the broker will have none of this worker
    :raises maelstrom_core.errors.MaelstromError: if this machine cannot be one
    """
    place = Place(settings, "worker")
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


async def _stay_joined(worker: Worker, place: Place, everything: trio.Nursery) -> None:
    """Keep a link to the broker, wherever it is; end everything if it will have none of us."""
    if place.join is None:
        _log.info("no broker of this user runs on this machine yet; waiting for one")
    async with connection_to(await place.wait()) as connection, trio.open_nursery() as nursery:
        link = worker.link = Link(connection, worker, allowed=FROM_BROKERS, is_worker=True)
        nursery.start_soon(place.follow, connection, lambda: link.is_up)
        await link.run()
        nursery.cancel_scope.cancel()
    if not worker.is_stopping:
        everything.cancel_scope.cancel()
