"""Content-addressed files on disk, shared by all runs and processes of one user."""

from maelstrom_core.store.leases import Lease
from maelstrom_core.store.store import Store

__all__ = ["Lease", "Store"]
