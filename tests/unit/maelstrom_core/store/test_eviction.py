"""Eviction: least recently used first, the limit is held, what is leased stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.model.digest import Digest
from maelstrom_core.store import Store, trees
from maelstrom_core.store.cache_state import Held, to_evict

DIGESTS = [Digest.of(bytes([index])) for index in range(8)]
LAYERS = st.lists(
    st.builds(
        Held,
        st.sampled_from(DIGESTS),
        st.integers(min_value=0, max_value=100),
        st.floats(min_value=0, max_value=9),
    ),
    unique_by=lambda layer: layer.digest,
)


@given(LAYERS, st.frozensets(st.sampled_from(DIGESTS)), st.integers(min_value=0, max_value=400))
def test_what_is_left_fits_or_is_leased_and_no_more_is_evicted_than_must(held, leased, limit):
    evicted = to_evict(held, leased, limit)
    assert leased.isdisjoint(evicted)
    left = [layer for layer in held if layer.digest not in evicted]
    fits = sum(layer.size_bytes for layer in left) <= limit
    assert fits or all(layer.digest in leased for layer in left)
    if evicted:
        (last,) = (layer for layer in held if layer.digest == evicted[-1])
        assert sum(layer.size_bytes for layer in [*left, last]) > limit


@given(LAYERS, st.integers(min_value=0, max_value=400))
def test_nothing_younger_is_evicted_while_something_older_stays(held, limit):
    evicted = to_evict(held, (), limit)
    ages = {layer.digest: layer.last_used for layer in held}
    gone = [ages[digest] for digest in evicted]
    stay = [layer.last_used for layer in held if layer.digest not in evicted]
    assert gone == sorted(gone)
    assert not gone or not stay or max(gone) <= min(stay)


@pytest.fixture
def layers(store: Store, put):
    """Three layers of 10 KB, oldest first, and their leases."""
    return [put(store, bytes([index]) * 10_000) for index in range(3)]


def there(store: Store, layers) -> list[bool]:
    return [
        (store.directory / "trees" / digest.hex[:2] / digest.hex).is_dir() for digest, _ in layers
    ]


def test_the_least_recently_used_goes_first_and_so_does_its_content(store, layers):
    for _, lease in layers:
        lease.release()
    with store.making():
        store.tree(layers[0][0])  # used again, so no longer the oldest
    assert store.evict(25_000) == 1
    assert there(store, layers) == [True, False, True]
    contents = [store.blobs.has(Digest.of(bytes([index]) * 10_000)) for index in range(3)]
    assert contents == [True, False, True]


def test_what_is_leased_stays_even_above_the_limit(store, layers):
    layers[1][1].release()
    assert store.evict(0) == 1
    assert there(store, layers) == [True, False, True]


def test_nothing_is_evicted_while_something_is_made(store, directory, layers):
    for _, lease in layers:
        lease.release()
    with Store.open(directory) as other, other.making():
        assert store.evict(0) == 0
    assert store.evict(0) == 3


def test_content_that_another_layer_has_stays(store, put):
    _first, first_lease = put(store, b"same" * 1000, name="one")
    second, _ = put(store, b"same" * 1000, name="two")
    first_lease.release()
    assert store.evict(0) == 1
    assert next(store.tree(second).iterdir()).read_bytes() == b"same" * 1000
    assert store.blobs.has(Digest.of(b"same" * 1000))


@pytest.mark.parametrize("in_use", [True, False])
def test_a_layer_whose_tree_could_not_be_made_is_whole_or_gone(store, put, in_use):
    """The disk was full when its tree was to be made."""
    layer, lease = put(store, b"content" * 1000)
    trees.remove(store.tree(layer))
    if not in_use:
        lease.release()
    store.evict(0)
    assert store.has_layer(layer) is in_use
    assert store.blobs.has(Digest.of(b"content" * 1000)) is in_use
    if in_use:
        assert (store.tree(layer) / "file").read_bytes() == b"content" * 1000


def test_a_lost_index_lets_nothing_stay_for_ever(directory, put):
    with Store.open(directory) as store:
        for index in range(2):
            put(store, bytes([index]) * 10_000)[1].release()
        size = store.size_bytes()
    for path in directory.glob("index.sqlite*"):
        path.unlink()
    with Store.open(directory) as store:
        assert store.size_bytes() == size > 20_000
        assert store.evict(15_000) == 1
