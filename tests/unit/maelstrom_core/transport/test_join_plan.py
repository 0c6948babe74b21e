"""Join strings are read back as they were written, and what is wrong with one is said without it."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.errors import InputError
from maelstrom_core.transport.join_plan import Join, parse_join, print_join
from maelstrom_core.transport.principal import Principal, key_from_bytes

JOIN = Join(
    Principal("worker", "rack7"),
    "broker.example.org:7811",
    key_from_bytes(bytes(range(32))),
    key_from_bytes(bytes(range(100, 132))),
)
TEXT = print_join(JOIN)
SECRETS = (JOIN.secret_key, TEXT.split("/")[5])

keys = st.binary(min_size=32, max_size=32).map(key_from_bytes)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True)
joins = st.builds(
    Join,
    st.builds(Principal, st.sampled_from(["client", "worker", "admin"]), names),
    st.sampled_from(["127.0.0.1:1", "[::1]:65535", "a-b.example:20000"]),
    keys,
    keys,
)


def refused(text: str) -> str:
    with pytest.raises(InputError) as raised:
        parse_join(text)
    told = str(raised.value)
    assert told.startswith("cannot use the join string:")
    return told


@given(joins)
def test_what_is_printed_is_read_as_it_was(join: Join) -> None:
    assert parse_join(print_join(join)) == join


def test_it_is_one_line_that_a_shell_leaves_alone() -> None:
    assert (
        "maelstrom-join-1/worker/rack7/broker.example.org:7811/"
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8/"
        "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoM/" + TEXT.rpartition("/")[2]
    ) == TEXT


def test_white_space_of_a_wrapped_paste_does_not_matter() -> None:
    assert parse_join(f"  {TEXT[:40]}\n  {TEXT[40:]}\n") == JOIN


@pytest.mark.parametrize("length", range(len("maelstrom-join-1/"), len(TEXT)))
def test_a_paste_that_is_cut_short_is_told_as_such(length: int) -> None:
    assert f"it is cut short: it has {length} characters" in refused(TEXT[:length])


@pytest.mark.parametrize("start", [1, 20, 60, 100, len(TEXT) - 9])
def test_a_paste_without_its_beginning_is_told_without_showing_it(start: int) -> None:
    told = refused(TEXT[start:])
    assert "it does not begin with maelstrom-join-1/" in told
    assert not any(secret[:4] in told for secret in SECRETS)


@given(st.integers(17, len(TEXT) - 1), st.sampled_from("AZaz09-_"))
def test_a_changed_character_is_found(at: int, character: str) -> None:
    changed = TEXT[:at] + character + TEXT[at + 1 :]
    if changed != TEXT:
        told = refused(changed)
        assert "was altered on its way" in told or "is cut short" in told
        assert not any(secret in told for secret in SECRETS)


@given(st.text())
def test_anything_else_is_refused_with_no_traceback(text: str) -> None:
    refused(text)
    refused(f"maelstrom-join-1/{text}")


def test_another_version_is_told_with_what_to_install() -> None:
    told = refused(TEXT.replace("join-1", "join-2"))
    assert "it is of version 2, and this Maelstrom knows version 1" in told
    assert "install the version of Maelstrom that the broker has" in told


def test_all_that_is_unfit_in_it_is_told_together() -> None:
    bad = attrs.evolve(JOIN, principal=Principal("wroker", "-"), address="nowhere")
    told = refused(print_join(bad))
    assert "unknown role 'wroker'; did you mean worker?" in told
    assert "unfit name '-'" in told
    assert "unfit address 'nowhere': expected HOST:PORT" in told


def test_nothing_that_prints_a_join_prints_its_secret() -> None:
    assert JOIN.secret_key not in repr(JOIN)
    assert JOIN.broker_key in repr(JOIN)
