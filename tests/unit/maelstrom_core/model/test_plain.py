"""Values as bytes: equal values have equal bytes, and nothing that a host can name is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from maelstrom_core.errors import InputError
from maelstrom_core.model.container import Container
from maelstrom_core.model.plain import decode, encode

# Names of files and values of variables are any bytes: as texts they have lone surrogates.
TEXTS = some.binary(max_size=9).map(lambda data: data.decode("utf-8", "surrogateescape"))
PLAIN = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(1 << 64), (1 << 64) - 1)
    | some.binary(max_size=9)
    | TEXTS,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(TEXTS, inner, max_size=4),
)


@given(PLAIN)
def test_what_is_written_is_read_again(value):
    assert decode(encode(value)) == value


@given(some.dictionaries(TEXTS, TEXTS, max_size=5))
def test_the_order_in_which_it_was_made_is_not_in_the_bytes(value):
    assert encode(dict(reversed(value.items()))) == encode(value)


@given(some.binary(max_size=30))
def test_bytes_of_anybody_are_data_or_refused_and_nothing_else(data):
    try:
        decode(data)
    except InputError as error:
        assert error.faults


@pytest.mark.parametrize("name", ["caf\udce9", "café", "\ud800"])
def test_a_container_has_a_name_whatever_its_variables_are(name):
    container = Container(environment=(("NAME", name),), working_directory=f"/{name}")
    same = Container(environment=(("NAME", name),), working_directory=f"/{name}")
    other = Container(environment=(("NAME", "cafe"),), working_directory=f"/{name}")
    assert container.digest == same.digest
    assert container.digest != other.digest
