"""Doctests: how rustdoc is called for one of them."""

from hypothesis import given
from hypothesis import strategies as st
from maelstrom_cargo.doctests_plan import Call, alone

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
