"""The list of who may join: every fault with its line, and changes that leave the rest as it was."""

import pytest

from maelstrom_core.errors import InputError
from maelstrom_core.transport.authorized_plan import (
    keys_of,
    parse_authorized,
    with_key,
    with_second_key,
    without,
)
from maelstrom_core.transport.principal import Principal, key_from_bytes

ONE, OTHER, THIRD = (key_from_bytes(bytes([number]) * 32) for number in range(3))
RACK, ALICE = Principal("worker", "rack7"), Principal("client", "alice")
TEXT = f"# Ours\n\nworker rack7 {ONE}\n  client  alice\t{OTHER}  \n"


def test_each_line_says_whose_a_key_is() -> None:
    assert parse_authorized(TEXT, "authorized") == {ONE: RACK, OTHER: ALICE}


def test_a_key_may_begin_with_what_begins_a_comment() -> None:
    key = key_from_bytes(b"\xff" * 32)
    assert parse_authorized(f"worker rack7 {key}", "x") == {key: RACK}


def test_all_faults_are_told_with_their_lines() -> None:
    lines = [f"worker rack7 {ONE}", "client", f"admn a {OTHER}", "client -b x", f"client c {ONE}"]
    with pytest.raises(InputError) as raised:
        lines += [f"worker rack7 {THIRD}", f"worker rack7 {OTHER}"]
        parse_authorized("\n".join(lines), "there/authorized")
    assert raised.value.faults == (
        "there/authorized:2: expected role, name and public key, and got 1 words",
        "there/authorized:3: unknown role 'admn'; did you mean admin?",
        "there/authorized:4: unfit name '-b': a name begins with a letter or digit and has up to 63 of "
        "A-Z a-z 0-9 . _ -",
        "there/authorized:4: unfit key 'x': a key is 40 characters of Z85",
        "there/authorized:5: worker:rack7 has this key already, in line 1",
        "there/authorized:7: worker:rack7 has 2 keys already, in lines 1 and 6",
    )


def test_whoever_changes_keys_has_two_for_a_while() -> None:
    text = with_second_key(TEXT, RACK, THIRD)
    assert text.splitlines()[2:4] == [f"worker rack7 {ONE}", f"worker rack7 {THIRD}"]
    known = parse_authorized(text, "x")
    assert known == {ONE: RACK, THIRD: RACK, OTHER: ALICE}
    assert keys_of(known) == {RACK: [ONE, THIRD], ALICE: [OTHER]}
    assert with_key(text, RACK, THIRD) == TEXT.replace(ONE, THIRD)
    assert without(text, RACK) == without(TEXT, RACK)


def test_a_change_leaves_everything_else_as_it_was() -> None:
    assert with_key(TEXT, ALICE, THIRD) == f"# Ours\n\nworker rack7 {ONE}\nclient alice {THIRD}\n"
    assert with_key(TEXT, Principal("admin", "ci"), THIRD) == f"{TEXT}admin ci {THIRD}\n"
    assert without(TEXT, RACK) == f"# Ours\n\n  client  alice\t{OTHER}  \n"
