"""A broker, stores of a client and of a worker, and layers to go from one to the other."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from maelstrom_core.layers import make_layers
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.layers import GlobLayer
from maelstrom_core.store import Store


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


worlds = _load("worlds")


@pytest.fixture(params=sorted(worlds.WORLDS))
def open_world(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., object]:
    """Open a world, over queues and over sockets."""

    def opened(*arguments: object) -> object:
        return worlds.WORLDS[request.param](tmp_path, *arguments)

    return opened


@pytest.fixture
def open_memory_world(tmp_path: Path) -> Callable[..., object]:
    def opened(*arguments: object) -> object:
        return worlds.memory_world(tmp_path, *arguments)

    return opened


@pytest.fixture
def client_store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "client") as opened:
        yield opened


@pytest.fixture
def worker_store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "worker") as opened:
        yield opened


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with small, empty and large files, links and directories."""
    directory = tmp_path / "project"
    for index in range(300):
        path = directory / f"sub{index % 7}" / f"file{index}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"# {index}\n".encode() * index)
    (directory / "large").write_bytes(os.urandom(3_000_001))
    (directory / "middle").write_bytes(os.urandom(200_000))
    (directory / "link").symlink_to("large")
    (directory / "empty").mkdir()
    return directory


@pytest.fixture
def layer(project: Path, client_store: Store) -> Iterator[Digest]:
    """A layer of it in the client's store."""
    made = make_layers([GlobLayer(globs=("**",))], project_directory=project, store=client_store)
    with made.lease:
        yield made.digests[0]


def looks(directory: Path) -> dict[str, object]:
    """All that can be seen of a tree."""
    found: dict[str, object] = {}
    for path in sorted(directory.rglob("*")):
        status = path.lstat()
        content: object = os.readlink(path) if path.is_symlink() else None
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
        name = str(path.relative_to(directory))
        found[name] = (status.st_mode, status.st_mtime_ns, content)
    return found


@pytest.fixture
def look() -> Callable[[Path], dict[str, object]]:
    return looks
