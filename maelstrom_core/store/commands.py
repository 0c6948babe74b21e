"""Which layers programs have made, by what they were made from.

``commands/records/KEY`` holds the digest of a layer; the layer is one of the store like all others. A
record whose layer was evicted says nothing, and is removed with it. ``commands/locks/`` keeps several
processes from making the same at once.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from maelstrom_core.model.digest import BadDigest, Digest
from maelstrom_core.store import locks


class CommandRecords:
    """The directory of records; safe for many threads and many processes."""

    def __init__(self, directory: Path) -> None:
        self._records, self._locks = directory / "records", directory / "locks"

    def layer(self, key: Digest) -> Digest | None:
        """What a program has made from that; the store may have evicted it since."""
        try:
            return Digest((self._records / key.hex).read_text())
        except (FileNotFoundError, BadDigest, UnicodeDecodeError):
            return None

    def add(self, key: Digest, layer: Digest) -> None:
        """Remember what was made."""
        self._records.mkdir(exist_ok=True)
        temporary = self._records / f".{key.hex}-{os.urandom(6).hex()}"
        temporary.write_text(layer.hex)
        os.rename(temporary, self._records / key.hex)

    @contextmanager
    def alone_if_free(self, key: Digest) -> Iterator[bool]:
        """Be the only one who makes that, if nobody does now; says whether one is."""
        # A fixed number of files: one that comes and goes could be locked after it has gone.
        self._locks.mkdir(exist_ok=True)
        with locks.exclusive_if_free(self._locks / key.hex[:3]) as free:
            yield free

    def sweep(self, has_layer: Callable[[Digest], bool]) -> None:
        """Remove what says nothing any more."""
        # Not those that somebody is about to write, whose names begin with a dot.
        for path in self._records.glob("[0-9a-f]*"):
            try:
                layer = Digest(path.read_text())
            except (FileNotFoundError, BadDigest, UnicodeDecodeError):
                path.unlink(missing_ok=True)  # damaged by somebody
                continue
            if not has_layer(layer):
                path.unlink(missing_ok=True)
