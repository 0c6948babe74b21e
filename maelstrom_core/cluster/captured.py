"""What a job has written to its captured root, on its way into the store."""

import os
from collections.abc import Callable

import trio

from maelstrom_core.errors import InputError, MaelstromError
from maelstrom_core.layers.changes import Times, add_changes
from maelstrom_core.model.outcome import RootChanges
from maelstrom_core.store import Store
from maelstrom_core.store.leases import Lease


class CapturedRoot:
    """Takes the directory over when the job ends; a context manager that lets go of it."""

    def __init__(self) -> None:
        self._descriptor = -1

    def __enter__(self) -> "CapturedRoot":
        return self

    def __exit__(self, *_: object) -> None:
        self._let_go()

    def take(self, descriptor: int) -> None:
        """This is it; of a job that was started again, what was before is void."""
        self._let_go()
        self._descriptor = descriptor

    def _let_go(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    async def keep(
        self,
        store: Store,
        leases: list[Lease],
        *,
        most_bytes: int,
        times: Times | None,
        cancelled: Callable[[], bool],
    ) -> tuple[RootChanges | None, str]:
        """Put it into the store; or, at last, why that cannot be.

        :param leases: where the lease goes that keeps it there
        :param most_bytes: more is not kept
        """
        descriptor = self._descriptor
        if descriptor < 0:
            return None, ""

        def pack() -> RootChanges:
            with store.making() as lease:
                changes = add_changes(
                    descriptor, store, most_bytes=most_bytes, times=times, cancelled=cancelled
                )
                lease.add([changes.layer])
                store.tree(changes.layer)
                if not leases:
                    leases.append(lease)
                    return changes
                # One for all: thousands of jobs would open thousands of files.
                leases[0].add([changes.layer])
            lease.release()
            return changes

        try:
            return await trio.to_thread.run_sync(pack), ""
        except InputError as error:
            return None, "; ".join(error.faults)
        except MaelstromError as error:
            return None, error.message
