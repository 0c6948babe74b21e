"""``maelstrom-admin keys`` where the keys are."""

from pathlib import Path

import pytest
from maelstrom_admin.cli import main

from maelstrom_core.transport.join_plan import parse_join
from maelstrom_core.transport.keyring import Keyring
from maelstrom_core.transport.keys import pair_of


def test_a_key_is_changed_while_its_owner_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def keys(*arguments: str, status: int = 0) -> str:
        assert main(["-c", "-", "--directory", str(tmp_path), "keys", *arguments]) == status
        told = capsys.readouterr()
        return told.err if status else told.out

    def public(join: str) -> str:
        return pair_of(parse_join(join).secret_key).public

    address, rack7 = ("--address", "rack7.example:21000"), ("worker", "rack7")
    keys("make")
    first = public(keys("invite", *rack7, *address))
    second = public(keys("rotate", *rack7, *address, "--overlap"))
    shown = [line.split() for line in keys("list").splitlines() if "rack7" in line]
    assert sorted(line[2:] for line in shown) == sorted([["old", first], ["-", second]])
    assert "--finish" in keys("rotate", *rack7, *address, "--overlap", status=4)
    known = Keyring(tmp_path).authorized()
    assert known.principal(first) == known.principal(second)
    assert "worth nothing" in keys("rotate", *rack7, "--finish")
    assert known.refresh()
    assert known.principal(first) is None
    assert "one key only" in keys("rotate", *rack7, "--finish", status=4)
    third = public(keys("rotate", *rack7, *address))
    assert [line.split()[3] for line in keys("list").splitlines() if "rack7" in line] == [third]
