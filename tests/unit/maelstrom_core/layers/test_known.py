"""Layers that several containers of a run name are made once."""

import threading

import pytest

from maelstrom_core.errors import InputError
from maelstrom_core.layers import make_layers
from maelstrom_core.layers.known import KnownLayers
from maelstrom_core.model.layers import GlobLayer, PathsLayer, StubsLayer

ALL = GlobLayer(globs=("**",))
STUBS = StubsLayer(stubs=("/run/",))


def test_a_recipe_is_collected_once_whatever_stands_beside_it(project, store):
    known = KnownLayers()
    first = make_layers([ALL], project_directory=project, store=store, known=known)
    (project / "a.py").write_text("edited while the run lasts")

    second = make_layers([STUBS, ALL], project_directory=project, store=store, known=known)
    apart = make_layers([ALL], project_directory=project, store=store)

    assert second.digests[1] == first.digests[0]
    assert apart.digests != first.digests


def test_each_container_keeps_them_for_itself(project, store):
    known = KnownLayers()
    first = make_layers([ALL], project_directory=project, store=store, known=known)
    second = make_layers([ALL], project_directory=project, store=store, known=known)

    first.lease.release()

    leases = [path.read_text().split() for path in (store.directory / "leases").iterdir()]
    assert leases == [[str(digest) for digest in second.digests]]


def test_what_was_made_for_a_refused_container_is_not_known(project, store):
    known = KnownLayers()
    with pytest.raises(InputError, match="layers"):
        make_layers(
            [ALL, PathsLayer(paths=("missing",))],
            project_directory=project,
            store=store,
            known=known,
        )

    with known.alone(ALL) as digest:
        assert digest is None


def test_after_a_release_all_is_made_again(project, store):
    known = KnownLayers()
    first = make_layers([ALL], project_directory=project, store=store, known=known)
    known.clear()
    first.lease.release()
    (project / "a.py").write_text("edited between two runs")

    assert make_layers([ALL], project_directory=project, store=store, known=known).digests != (
        first.digests
    )


def test_whoever_wants_one_that_is_being_made_waits_for_it(project, store):
    known = KnownLayers()
    digest = make_layers([ALL], project_directory=project, store=store).digests[0]
    found = []

    def want() -> None:
        with known.alone(ALL) as its_own:
            found.append(its_own)

    with known.alone(ALL):
        other = threading.Thread(target=want)
        other.start()
        known.add(ALL, digest)
    other.join()

    assert found == [digest]
