"""A tree of the host looks the same mounted in place, as it is here, and as a layer, as on workers."""

import os
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from maelstrom_core.layers.in_place import layers_in_place
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.in_place import InPlaceLayer
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.layers import HostTreeLayer, LayerSpec, StoredLayer, StubsLayer
from maelstrom_core.model.manifest import decode_manifest
from maelstrom_core.model.outcome import Exited, JobResult
from maelstrom_core.store import Store

LOOK = r"""
set -e
cd /
find "$@" -printf '%y %m %T@ %p -> %l' \( -type f -printf ' %s' \) -print | sort
find "$@" -type f -print0 | sort -z | xargs -0 sha256sum
find "$@" -type f -exec getfattr -d {} + 2>/dev/null || true
stat -c '%a %n' /there
"""


def stored(store: Store, layer: InPlaceLayer) -> StoredLayer:
    """What a worker has after the layer has come to it."""
    with store.making() as lease:
        for entry in decode_manifest(layer.manifest):
            if entry.digest is not None:
                file = layer.files[bytes.fromhex(entry.digest.hex)]
                data = Path(os.fsdecode(file.path)).read_bytes()
                store.blobs.add_bytes(data, entry.digest, entry.mode, entry.mtime_ns)
        assert store.add_manifest_bytes(layer.manifest) == layer.digest
        lease.add([layer.digest])
        store.tree(layer.digest)
    return StoredLayer(digest=layer.digest)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    directory = tmp_path / "host" / "tree"
    (directory / "sub" / "deep" / "er").mkdir(parents=True)
    for index in range(200):
        path = directory / "sub" / f"file{index}"
        path.write_bytes(os.urandom(index * 10))
        path.chmod(0o400 + index % 0o400)
    (directory / "a").write_text("a")
    (directory / "a.b").write_text("ab")
    (directory / "setuid").write_text("x")
    (directory / "setuid").chmod(0o4755)
    os.link(directory / "a", directory / "sub" / "hard")
    (directory / "absolute").symlink_to("/there/tree/a")
    (directory / "dangling").symlink_to("nowhere")
    os.mkfifo(directory / "fifo")
    (directory / "sub" / "deep").chmod(0o1777)
    os.utime(directory / "sub", ns=(1, 1_234_567_890_123_456_789))
    return directory


@pytest.fixture
def both_look(
    tmp_path: Path,
    python_container: ContainerSpec,
    results_of: Callable[[list[JobSpec]], list[JobResult]],
) -> Callable[..., None]:
    """Assert that jobs see the same of trees in place and of the same trees as layers."""

    def look(trees: list[HostTreeLayer], below: LayerSpec, *seen: str) -> str:
        base = attrs.evolve(
            python_container, template=None, layers=(*python_container.layers, below)
        )
        with Store.open(tmp_path / "store") as store:
            layers = [
                stored(store, layer)
                for layer in layers_in_place(trees, index=store.index, below=_entries(below))
            ]
        jobs = [
            JobSpec(
                container=attrs.evolve(base, layers=(*base.layers, *more)),
                program="/bin/sh",
                arguments=("-c", LOOK, "sh", *seen),
            )
            for more in (trees, layers)
        ]
        in_place, as_layer = results_of(jobs)
        assert in_place.outcome == Exited(0), in_place
        assert as_layer.outcome == Exited(0), as_layer
        assert in_place.stdout.omitted_bytes == 0
        assert (
            as_layer.stdout.head.decode().splitlines() == in_place.stdout.head.decode().splitlines()
        )
        return in_place.stdout.head.decode()

    return look


def _entries(below: LayerSpec) -> list[list[object]]:
    """Directories of a layer of stubs."""
    from maelstrom_core.layers.make import STUB_MTIME_NS
    from maelstrom_core.model.manifest import Entry, EntryKind

    assert isinstance(below, StubsLayer)
    kind = EntryKind.DIRECTORY
    return [
        [
            Entry(
                path=os.fsencode(name.strip("/")),
                kind=kind,
                mode=below.directory_mode,
                mtime_ns=STUB_MTIME_NS,
            )
            for name in below.stubs
            if name.endswith("/")
        ]
    ]


def test_a_tree_looks_the_same_mounted_and_as_a_layer(host, both_look) -> None:
    below = StubsLayer(stubs=("/there/", "/there/tree/hidden"), directory_mode=0o711)
    seen = both_look([HostTreeLayer(path=str(host), target="/there/tree")], below, "there/tree")
    assert "file199" in seen
    assert "hidden" not in seen, "what a lower layer has there shows through"
    assert "711 /there" in seen


def test_trees_within_trees_and_single_files_do_too(host, both_look, tmp_path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "only").write_text("only")
    trees = [
        HostTreeLayer(path=str(other), target="/there/tree/sub/deep"),
        HostTreeLayer(path=str(host), target="/there/tree"),
        HostTreeLayer(path=str(host / "a.b"), target="/there/tree/a"),
    ]
    seen = both_look(trees, StubsLayer(stubs=("/there/",)), "there/tree")
    assert "deep/only" in seen
    assert "deep/er" not in seen


def test_an_installed_library_does_too(both_look) -> None:
    library = Path(attrs.__file__).parent
    tree = HostTreeLayer(path=str(library), target="/there/attrs")
    seen = both_look([tree], StubsLayer(stubs=("/there/",)), "there/attrs")
    assert "__init__.py" in seen
