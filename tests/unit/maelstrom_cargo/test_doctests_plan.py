"""Doctests: how rustdoc is called for them, and what it says when it has compiled them."""

import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from maelstrom_cargo.doctests_plan import (
    KEEP_SCRIPT,
    NUMBER,
    NUMBER_SCRIPT,
    Call,
    Doctest,
    alone,
    doctests_of,
    holders,
)

FILES = st.sampled_from(["lib.rs", "src/lib.rs", "src/sub/lib.rs", "README.md"])
ITEMS = st.sampled_from(["", "f ", "S ", "S::f ", "S<T>::f ", "sub::S::f "])
NAMES = st.builds(
    lambda file, item, line: f"{file} - {item}(line {line})",
    FILES,
    ITEMS,
    st.sampled_from([1, 2, 11, 12, 111]),
)


def chosen(name: str, arguments: tuple[str, ...]) -> bool:
    """Whether Rust's harness takes a test (`filter_tests` of library/test/src/lib.rs)."""
    items = iter(arguments)
    filters, skips = [], []
    for item in items:
        (skips if item == "--skip" else filters).append(next(items) if item == "--skip" else item)
    return any(one in name for one in filters) and not any(one in name for one in skips)


@given(NAMES, st.lists(NAMES, unique=True, max_size=12))
def test_one_is_always_chosen_and_others_if_nothing_tells_them_apart(
    name: str, others: list[str]
) -> None:
    arguments = alone(name, [*others, name])

    # rustdoc splits what it passes on at spaces.
    assert all(" " not in word for word in arguments)
    assert chosen(name, arguments)
    for other in others:
        if any(word not in name for word in other.split()):
            assert not chosen(other, arguments)


def test_a_call_is_read() -> None:
    call = Call.read(
        [
            "--edition=2021", "--color", "always", "--test", "src/lib.rs",
            "--test-runtool", "run", "--test-runtool-arg", "-x",
            "-L", "dependency=/t/debug/deps", "-L", "native=/t/out", "-L", "/plain",
            "--extern", "one=/t/debug/deps/libone.rlib", "--extern", "proc_macro",
            "--test-args", "a b", "--test-args=--ignored",
        ]
    )  # fmt: skip

    assert call.arguments == (
        "--edition=2021", "--color", "never", "--test", "src/lib.rs",
        "-L", "dependency=/t/debug/deps", "-L", "native=/t/out", "-L", "/plain",
        "--extern", "one=/t/debug/deps/libone.rlib", "--extern", "proc_macro",
    )  # fmt: skip
    assert call.harness == ("a", "b", "--ignored")
    assert call.directories == ("/t/debug/deps", "/t/out", "/plain")
    assert call.files == ("/t/debug/deps/libone.rlib",)


COMPILED = """maelstrom-kept rustdoctestA.kept

running 8 tests
test a.rs - f (line 1) ... FAILED
test a.rs - f (line 2) - compile ... ok
test a.rs - f (line 3) - compile fail ... FAILED
test a.rs - f (line 4) ... ok
test a.rs - f (line 5) ... ignored
test a.rs - f (line 6) ... FAILED
test a.rs - f (line 7) ... FAILED
test a.rs - f (line 7) ... FAILED

failures:

---- a.rs - f (line 1) stdout ----
Test executable failed (exit status: 1).

stdout:
maelstrom-kept rustdoctestB.kept


---- a.rs - f (line 3) stdout ----
Test compiled successfully, but it's marked `compile_fail`.
---- a.rs - f (line 6) stdout ----
error[E0308]: mismatched types
Couldn't compile the test.
---- a.rs - f (line 7) stdout ----
stdout:
maelstrom-kept rustdoctestC.kept
---- a.rs - f (line 7) stdout ----
stdout:
maelstrom-kept rustdoctestD.kept

failures:
    a.rs - f (line 1)

test result: FAILED. 2 passed; 5 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0s
"""


def test_what_was_compiled_is_known_by_its_name() -> None:
    found = {one.name[-2]: one for one in doctests_of(COMPILED)}

    assert found["1"].program == "rustdoctestB.kept"
    assert found["2"].said == "test a.rs - f (line 2) ... ok\n"
    assert found["3"].has_failed
    assert "marked `compile_fail`" in found["3"].said
    # Whether it is to panic or has passed though it should not have: rustdoc is asked again.
    assert found["4"] == Doctest(name="a.rs - f (line 4)")
    assert found["5"].said == "test a.rs - f (line 5) ... ignored\n"
    assert not found["5"].has_failed
    assert "Couldn't compile" in found["6"].said
    # Two of one name: which is which?
    assert found["7"] == Doctest(name="a.rs - f (line 7)")
    assert list(holders(COMPILED)) == ["rustdoctestA.kept"]


def test_doctests_that_one_program_holds_have_numbers() -> None:
    text = COMPILED.replace("maelstrom-kept rustdoctestB.kept", "maelstrom-number 12")

    assert doctests_of(text, "held")[0] == Doctest(
        name="a.rs - f (line 1)", program="held", number="12"
    )


def test_the_scripts_keep_and_number(tmp_path: Path) -> None:
    program = tmp_path / "rustdoctestX" / "rust_out"
    program.parent.mkdir()
    program.write_text("a program")
    for name, text in (("keep", KEEP_SCRIPT), ("number", NUMBER_SCRIPT)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o700)

    kept = subprocess.run([tmp_path / "keep", program], capture_output=True, text=True)
    number = subprocess.run(
        [tmp_path / "number"], env={NUMBER: "7"}, capture_output=True, text=True
    )

    assert (kept.returncode, kept.stdout) == (1, "maelstrom-kept rustdoctestX.kept\n")
    assert (tmp_path / "rustdoctestX.kept").read_text() == "a program"
    assert (number.returncode, number.stdout) == (1, "maelstrom-number 7\n")
