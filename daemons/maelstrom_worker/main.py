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
from maelstrom_core.service_manager import tell_manager
from maelstrom_core.settings import Settings
from maelstrom_core.settings.host import available_memory
from maelstrom_worker.shell import FROM_BROKERS, Worker

_STOP = (signal.SIGTERM, signal.SIGINT)
_DRAIN = signal.SIGUSR1
"""Told so, it takes nothing new, and ends when all that runs has ended, however long that takes."""
_log = logging.getLogger("maelstrom.worker")


async def run(settings: Settings) -> None:
    """Be a worker until SIGTERM, SIGINT or SIGUSR1.

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
                nursery.start_soon(worker.keep_time)
                nursery.start_soon(_stay_joined, worker, place, nursery)
                with trio.open_signal_receiver(*_STOP, _DRAIN) as signals:
                    # Not when it has joined: that may take as long as the broker wants.
                    tell_manager("READY=1")
                    told = await anext(signals)
                    _log.info("told to stop by %s", _name(told))
                    tell_manager("STOPPING=1")
                    patience = trio.CancelScope()
                    if told != _DRAIN:
                        patience.deadline = trio.current_time() + _grace(settings)
                    async with trio.open_nursery() as ending:
                        ending.start_soon(
                            _hurry, signals, told, _grace(settings), patience, ending.cancel_scope
                        )
                        await worker.stop(patience)
                        ending.cancel_scope.cancel()
                nursery.cancel_scope.cancel()
        finally:
            worker.release()
    if worker.over:
        raise PeerError(f"the broker refuses this worker: {worker.over}")


async def _hurry(
    signals: AsyncIterator[int],
    told: int,
    grace_seconds: float,
    patience: trio.CancelScope,
    ending: trio.CancelScope,
) -> None:
    """Each time it is told to: what runs gets the grace, then nothing; then there is no goodbye."""
    async for number in signals:
        if number == _DRAIN:
            continue
        if told == _DRAIN:
            told = number
            patience.deadline = trio.current_time() + grace_seconds
            _log.info("told so by %s: what runs gets %g s", _name(number), grace_seconds)
        elif not patience.cancel_called:
            _log.info("told so again: what runs is ended")
            patience.cancel()
        else:
            ending.cancel()


def _name(number: int) -> str:
    return signal.Signals(number).name


def _grace(settings: Settings) -> float:
    return math.inf if settings.grace is None else float(settings.grace)


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
