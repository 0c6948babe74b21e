"""A store, and layers to put into it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from maelstrom_core.model.digest import Digest
from maelstrom_core.model.manifest import Entry, EntryKind
from maelstrom_core.store import Store
from maelstrom_core.store.leases import Lease


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(directory: Path) -> Iterator[Store]:
    with Store.open(directory) as opened:
        yield opened


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., tuple[Digest, Lease]]:
    """Put a layer of one file into a store, tree and all."""

    def put_layer(
        store: Store, data: bytes, *, name: str = "file", mode: int = 0o644, mtime_ns: int = 1
    ) -> tuple[Digest, Lease]:
        source = tmp_path / f"source-{os.urandom(4).hex()}"
        source.write_bytes(data)
        source.chmod(mode)
        os.utime(source, ns=(mtime_ns, mtime_ns))
        with store.making() as lease:
            digest = store.blobs.add_file(os.fsencode(source), source.lstat())
            entry = Entry(
                path=os.fsencode(name),
                kind=EntryKind.FILE,
                mode=mode,
                mtime_ns=mtime_ns,
                size=len(data),
                digest=digest,
            )
            layer = store.add_manifest([entry])
            lease.add([layer])
            store.tree(layer)
        return layer, lease

    return put_layer
