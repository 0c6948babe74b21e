"""Code of attrs' classes that is kept between runs: used where it fits, and only there."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
from attr import _make

from maelstrom_core.kept_code import KeptCode, kept_code


@pytest.fixture(autouse=True)
def writes_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


def made(directory: Path, *names: str) -> tuple[type[Any], int]:
    """A class with these fields, and how many texts were compiled for it."""
    with kept_code("test", str(directory)) as kept:
        assert kept is not None, "this attrs compiles in another way: kept_code must learn it"
        cls = attrs.make_class("Point", list(names), frozen=True)
    return cls, kept.compiled


def test_a_class_is_compiled_once_and_works_as_ever(tmp_path: Path) -> None:
    original = _make._compile_and_eval  # type: ignore[attr-defined]
    _, first = made(tmp_path, "x", "y")
    cls, second = made(tmp_path, "x", "y")
    assert (first > 0, second) == (True, 0)
    assert _make._compile_and_eval is original  # type: ignore[attr-defined]
    one, same, other = cls(1, 2), cls(1, y=2), cls(1, 3)
    assert (one == same, hash(one) == hash(same), one == other) == (True, True, False)
    assert repr(one) == "Point(x=1, y=2)"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.x = 3
    with pytest.raises(TypeError, match="required positional argument: 'y'"):
        cls(1)


def test_a_class_that_has_changed_is_compiled(tmp_path: Path) -> None:
    made(tmp_path, "x", "y")
    cls, compiled = made(tmp_path, "x", "z")
    assert compiled > 0
    assert repr(cls(1, 2)) == "Point(x=1, z=2)"
    assert made(tmp_path, "x", "y")[1] == made(tmp_path, "x", "z")[1] == 0


@pytest.mark.parametrize("harm", ["cut", "changed", "other python", "writable by others", "gone"])
def test_what_cannot_be_trusted_is_not_used(tmp_path: Path, harm: str) -> None:
    made(tmp_path, "x")
    path = Path(KeptCode("test", str(tmp_path)).path)
    data = path.read_bytes()
    match harm:
        case "cut":
            path.write_bytes(data[:-1])
        case "changed":
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        case "other python":
            path.write_bytes(b"\0\0\r\n" + data[4:])
        case "writable by others":
            path.chmod(0o622)
        case "gone":
            path.unlink()
    assert made(tmp_path, "x")[1] > 0
    assert made(tmp_path, "x")[1] == 0


def test_where_no_bytecode_is_written_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made(tmp_path, "x")
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_nothing_is_missed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert made(tmp_path / "file" / "below", "x")[1] > 0


def test_an_attrs_that_compiles_in_another_way_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(text: str) -> None:
        raise AssertionError

    monkeypatch.setattr(_make, "_compile_and_eval", other)
    with kept_code("test", str(tmp_path)) as kept:
        assert kept is None
        assert _make._compile_and_eval is other  # type: ignore[attr-defined]


def test_another_process_finds_all_that_we_need(tmp_path: Path) -> None:
    """Whatever its hashes of texts are: attrs writes one of those into what it compiles."""
    program = """
from maelstrom_core.kept_code import kept_code
with kept_code("test", __import__("sys").argv[1]) as kept:
    import maelstrom_core.cluster.local
print(kept.compiled)
"""
    counts = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-c", program, str(tmp_path)]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        counts.append(int(ran.stdout))
    assert counts[0] > 100
    assert counts[1] == 0
