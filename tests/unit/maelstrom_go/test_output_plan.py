"""What a test binary prints → events, tests, statuses."""

from maelstrom_go.output_plan import events, plain, results_of

SAID = """\
\x16=== RUN   TestA
half a line\x16=== RUN   TestA/one
\x16--- PASS: TestA/one (0.00s)
\x16=== NAME  TestA
\x16=== RUN   TestA/two/x
    a_test.go:3: no
\x16--- SKIP: TestA/two/x (0.25s)
\x16=== NAME  TestA
--- PASS: TestB (0.00s)
\x16--- FAIL: TestA (1.50s)
\x16=== NAME
\x16FAIL
"""


def test_tests_and_subtests_with_what_each_has_printed() -> None:
    found = results_of(SAID)

    assert list(found) == ["TestA", "TestA/one", "TestA/two/x"]
    assert [test.status for test in found.values()] == ["fail", "pass", "skip"]
    assert [test.seconds for test in found.values()] == [1.5, 0.0, 0.25]
    # What looks like the framework's words is none without its mark.
    assert found["TestA"].output.startswith("half a line")
    assert "TestB" not in found
    assert found["TestA/two/x"].output == "    a_test.go:3: no\n"


def test_one_that_was_cut_off_has_no_status() -> None:
    found = results_of("\x16=== RUN   TestA\n\x16=== RUN   TestA/deep\npanic: no\n")

    assert {name: test.status for name, test in found.items()} == {"TestA": "", "TestA/deep": ""}
    assert found["TestA/deep"].output == "panic: no\n"


def test_nothing_that_was_printed_is_lost() -> None:
    printed = "".join(said.output for said in events(SAID))

    assert printed == SAID.replace("\x16", "").replace("=== NAME  TestA\n", "").replace(
        "=== NAME\n", ""
    )


def test_events_are_those_of_go_test() -> None:
    found = [plain(said, package="p", time="t") for said in events("\x16--- PASS: TestA (0.50s)\n")]

    assert found == [
        {
            "Time": "t",
            "Action": "output",
            "Package": "p",
            "Test": "TestA",
            "Output": "--- PASS: TestA (0.50s)\n",
        },
        {"Time": "t", "Action": "pass", "Package": "p", "Test": "TestA", "Elapsed": 0.5},
    ]
