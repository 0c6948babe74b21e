"""Rust's own harness: what it is given, and what it says."""

import pytest
from maelstrom_cargo.libtest_plan import (
    Arguments,
    Said,
    failure_of,
    listed,
    said_of,
    said_of_one_of_many,
)

ENDS = "\ntest result: {}. {} passed; {} failed; {} ignored; 0 measured; 3 filtered out; in 0s\n"
OK, FAILED, IGNORED = (
    ENDS.format(*words) for words in (("ok", 1, 0, 0), ("FAILED", 0, 1, 0), ("ok", 0, 0, 1))
)
NAMES = "\nfailures:\n    tests::one\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # Whether a test's name is printed before or after it has run depends on how many may run.
        (f"\nrunning 1 test\nout\ntest tests::one ... ok\n{OK}", Said(status="ok", output="out")),
        (f"\nrunning 1 test\ntest tests::one ... out\nok\n{OK}", Said(status="ok", output="out")),
        (
            f"\nrunning 1 test\nhalftest tests::one ... FAILED\n\nfailures:\n{NAMES}{FAILED}",
            Said(status="failed", output="half"),
        ),
        (
            f"\nrunning 1 test\ntest tests::one ... halfFAILED\n\nfailures:\n{NAMES}{FAILED}",
            Said(status="failed", output="half"),
        ),
        (
            "\nrunning 1 test\ntest tests::one - should panic ... FAILED\n\nfailures:\n\n"
            f"---- tests::one stdout ----\nnote: it did not\n{NAMES}{FAILED}",
            Said(status="failed", output="---- tests::one stdout ----\nnote: it did not"),
        ),
        (
            f"\nrunning 1 test\ntest tests::one ... ignored, too slow\n{IGNORED}",
            Said(status="ignored", reason="too slow"),
        ),
        (f"\nrunning 1 test\ntest tests::one ... ignored\n{IGNORED}", Said(status="ignored")),
        # It ended the process.
        ("\nrunning 1 test\nout\n", Said(output="out")),
        ("\nrunning 1 test\ntest tests::one ... out\n", Said(output="out")),
        # Before the harness began, and instead of it.
        (
            f"early\n\nrunning 1 test\ntest tests::one ... ok\n{OK}",
            Said(status="ok", output="early"),
        ),
        ("cannot begin\n", Said(output="cannot begin")),
        ("", Said()),
        # A test that prints what the harness prints.
        (
            f"\nrunning 1 test\nfailures:\ntest result: no\ntest tests::one ... ok\n{OK}",
            Said(status="ok", output="failures:\ntest result: no"),
        ),
    ],
)
def test_the_harness_is_told_apart_from_the_test(text: str, said: Said) -> None:
    assert said_of(text, "tests::one") == said


def test_of_many_each_is_found_by_its_name() -> None:
    text = (
        "\nrunning 3 tests\n"
        "test a.rs - (line 1) ... ok\n"
        "test a.rs - (line 11) - compile fail ... FAILED\n"
        "test a.rs - f (line 2) ... ignored\n"
        "\nfailures:\n\n---- a.rs - (line 11) stdout ----\nIt compiled.\nreally\n\n"
        "failures:\n    a.rs - (line 11)\n" + FAILED
    )

    assert said_of_one_of_many(text, "a.rs - (line 1)") == Said(status="ok")
    assert said_of_one_of_many(text, "a.rs - f (line 2)") == Said(status="ignored")
    assert said_of_one_of_many(text, "a.rs - (line 11)") == Said(
        status="failed", output="It compiled.\nreally"
    )
    assert said_of_one_of_many(text, "a.rs - (line 3)").status == ""


def test_of_two_with_one_name_the_worse_counts() -> None:
    text = "test a.rs - (line 1) ... ok\ntest a.rs - (line 1) ... FAILED\n"

    assert said_of_one_of_many(text, "a.rs - (line 1)").status == "failed"
    assert said_of_one_of_many(text, "a.rs - (line 1)").output == failure_of(
        text, "a.rs - (line 1)"
    )


def test_lists() -> None:
    text = "said by main\na::b: test\na.rs - f (line 2): test\nfast: benchmark\n\n1 test, 1 benchmark\n"

    assert list(listed(text)) == [("a::b", False), ("a.rs - f (line 2)", False), ("fast", True)]


def test_arguments_are_sorted_by_what_they_are_for() -> None:
    given = ["one", "--skip", "two", "--skip=three", "--exact", "--ignored", "--include-ignored"]
    given += ["--nocapture", "--test-threads", "1", "-q", "--color", "always", "-Zunstable-options"]

    arguments = Arguments.read(given)

    assert arguments == Arguments(
        choosing=("one", "--skip", "two", "--skip=three", "--exact"),
        mode=("--include-ignored",),
        shows=True,
        rest=("--test-threads", "1", "-Zunstable-options"),
    )
    assert arguments.to_list()[:4] == ("--list", "--format", "terse", "--include-ignored")
    assert arguments.to_run("-x")[-2:] == ("--", "-x")
    assert Arguments.read(["--skip"]).choosing == ("--skip",)
