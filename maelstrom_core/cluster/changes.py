"""What jobs on workers have changed in their roots comes into the store here."""

import attrs

from maelstrom_core.cluster.blobs import Uploads
from maelstrom_core.errors import MaelstromError
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import JobResult, RootChanges
from maelstrom_core.store.leases import Lease


class BroughtChanges:
    """Brings them, and holds them in the store until a client ends."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads
        self._lease: Lease | None = None

    async def bring(self, job: JobSpec, result: JobResult, changes: RootChanges) -> JobResult:
        """The result, which says why if they could not be brought."""
        why = "nobody has asked for them"
        if job.container.root.captured:
            try:
                lease = await self._uploads.layers([changes.layer])
            except (MaelstromError, OSError) as error:
                why = f"they cannot be had from the broker: {error}"
            else:
                if self._lease is None:
                    self._lease = lease
                else:
                    # One for all: thousands of jobs would open thousands of files.
                    self._lease.add([changes.layer])
                    lease.release()
                return result
        return attrs.evolve(result, changes=None, changes_missing=why)

    def release(self) -> None:
        """Let the store evict them."""
        if self._lease is not None:
            self._lease.release()
