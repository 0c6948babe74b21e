"""A store and a project directory, and what one layer makes of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from maelstrom_core.layers import make_layers
from maelstrom_core.model.layers import LayerSpec
from maelstrom_core.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    for name in ("a.py", "sub/b.py", "sub/c.txt", "skip/d.py"):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return directory


@pytest.fixture
def tree(project: Path, store: Store) -> Callable[[LayerSpec], Path]:
    """The directory that a layer becomes."""

    def make(spec: LayerSpec) -> Path:
        made = make_layers([spec], project_directory=project, store=store)
        with made.lease:
            (directory,) = store.lower_directories(made.digests)
        return directory

    return make


@pytest.fixture
def names(tree: Callable[[LayerSpec], Path]) -> Callable[[LayerSpec], set[str]]:
    """The relative paths of all that a layer has."""

    def of(spec: LayerSpec) -> set[str]:
        directory = tree(spec)
        return {str(path.relative_to(directory)) for path in directory.rglob("*")}

    return of


@pytest.fixture
def nothing_half_made(store: Store) -> Callable[[], None]:
    """Assert that a refused layer has left nothing."""

    def check() -> None:
        for part in ("trees", "manifests"):
            assert not list((store.directory / part).glob("??/*")), part
        assert not list((store.directory / "leases").iterdir())
        scratch = [path.name for path in (store.directory / "tmp").glob("*/*")]
        assert [name for name in scratch if len(name) != 32] == []

    return check
