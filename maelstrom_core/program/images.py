"""Brings the images that directives name; what that takes is loaded when one does. For trio."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from maelstrom_core.model.images import Image
from maelstrom_core.settings import Settings

if TYPE_CHECKING:
    from maelstrom_core.images.bring import Bringer


class Images:
    """Images of one invocation; they stay in the store until it is closed.

    :param project: what relative paths are relative to; where the lock file is
    :param say: told a line of progress now and then, in any thread
    """

    def __init__(self, settings: Settings, project: Path, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._project = project
        self._say = say
        self._bringer: Bringer | None = None

    async def bring(self, names: Sequence[str]) -> Mapping[str, Image]:
        """Images by their names. If this is cancelled, they are not brought any more.

        :raises maelstrom_core.errors.MaelstromError: if one cannot be had
        """
        if not names:
            return {}
        from maelstrom_core.images.bring import Bringer
        from maelstrom_core.images.stop import Stop

        if self._bringer is None:
            self._bringer = Bringer(
                Path(self._settings.store),
                limit_bytes=self._settings.cache_size,
                project=self._project,
                insecure=self._settings.insecure_registries,
                say=self._say,
            )
        stop = Stop()
        bring = partial(self._bringer.bring, names, stop=stop)
        try:
            return await trio.to_thread.run_sync(bring, abandon_on_cancel=True)
        finally:
            stop.set()

    def close(self) -> None:
        """Let the store evict them."""
        if self._bringer is not None:
            self._bringer.close()
