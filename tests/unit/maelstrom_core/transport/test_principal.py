"""Keys in Z85 are those that ZeroMQ knows; names and addresses that are unfit are told."""

import pytest
import zmq.utils.z85
from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.transport.address_plan import address_fault, join_address, split_address
from maelstrom_core.transport.principal import (
    is_key,
    key_from_bytes,
    key_to_bytes,
    principal_faults,
)


@given(st.binary(min_size=32, max_size=32))
def test_keys_are_written_as_zeromq_writes_them(data: bytes) -> None:
    key = key_from_bytes(data)
    assert key.encode() == zmq.utils.z85.encode(data)
    assert is_key(key)
    assert key_to_bytes(key) == data


@pytest.mark.parametrize("text", ["", "x" * 39, "x" * 41, "~" * 40, "#" * 40, "é" * 40, " " * 40])
def test_what_is_no_key_is_none(text: str) -> None:
    assert not is_key(text)


def test_a_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        key_from_bytes(bytes(31))


@pytest.mark.parametrize("name", ["a", "7", "rack7.example_org-2", "x" * 63])
def test_names_may_be_of_this_kind(name: str) -> None:
    assert principal_faults("client", name) == []


@pytest.mark.parametrize("name", ["", "-a", ".", "a b", "a/b", "a:b", "é", "x" * 64, "a\n"])
def test_other_names_are_told(name: str) -> None:
    (fault,) = principal_faults("client", name)
    assert fault.startswith(f"unfit name {name!r}: a name begins with")


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:7811", ("127.0.0.1", 7811)),
        ("[::1]:1", ("::1", 1)),
        ("a-b.c:65535", ("a-b.c", 65535)),
    ],
)
def test_addresses_come_apart_and_together(address: str, parts: tuple[str, int]) -> None:
    assert address_fault(address) == ""
    assert split_address(address) == parts
    assert join_address(*parts) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "host",
        ":1",
        "host:",
        "host:0",
        "host:65536",
        "::1:7",
        "tcp://h:1",
        "h/x:1",
        "h:1\n",
    ],
)
def test_other_addresses_are_told(address: str) -> None:
    assert address_fault(address).startswith(f"unfit address {address!r}: ")
