"""A backend on the cluster that settings name. Loads ZeroMQ, so only when they do."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

from maelstrom_core.cluster.bulk_link import open_blobs
from maelstrom_core.cluster.joining import AUTO, connection_to, join_of
from maelstrom_core.cluster.local import LocalBackend
from maelstrom_core.cluster.place import Place
from maelstrom_core.cluster.remote import open_remote_backend
from maelstrom_core.errors import UsageError
from maelstrom_core.model.ports import Backend
from maelstrom_core.model.uploads import OnUpload
from maelstrom_core.settings import Settings
from maelstrom_core.transport.join_plan import Join


@asynccontextmanager
async def open_joined_backend(
    here: AbstractAsyncContextManager[LocalBackend],
    settings: Settings,
    on_upload: OnUpload | None = None,
) -> AsyncIterator[Backend]:
    """A cluster's slots beside those of this machine, for as long as the context lasts.

    :param here: this machine, not opened yet
    :param on_upload: told of what is sent to the broker
    :raises maelstrom_core.errors.UsageError: if the broker is named wrongly
    :raises maelstrom_core.errors.PeerError: if it cannot be used, with what is in the way
    """
    join = _join_of(settings)
    if join is None:
        async with here as local:
            yield local
        return
    place = Place(settings, "client", join)
    fault: Exception | None = None
    async with here as local:
        try:
            async with (
                connection_to(join) as connection,
                open_blobs(place.open_bulk, local.store, on_upload) as blobs,
                open_remote_backend(
                    local,
                    connection,
                    blobs,
                    cluster_only=settings.cluster_only,
                    follow=partial(place.follow, connection),
                ) as backend,
            ):
                yield backend
        except Exception as error:
            fault = error  # as it is, not within a group of the engine's
    if fault is not None:
        raise fault


def _join_of(settings: Settings) -> Join | None:
    """``None`` if whatever cluster there is was to be used, and there is none."""
    try:
        return join_of(settings.broker, "client", Path(settings.cluster_directory))
    except UsageError:
        if settings.broker == AUTO and not settings.cluster_only:
            return None
        raise
