"""Hooks that raise, and whoever ends a run: it ends with the status, the cases and the words that it has
plainly.
"""

import re
from typing import Any

import pytest

TESTS = "def test_one(): pass\ndef test_two(): pass\n"
ONE_AND_TWO = {"test_it.py::test_one": ["passed"], "test_it.py::test_two": ["passed"]}


def told(out: str) -> list[str]:
    """Lines after collecting, without times, progress, and words of our own."""
    lines = [re.sub(r" in [0-9.]+s.*", "", line).strip("=! ") for line in out.splitlines()]
    begin = next(number for number, line in enumerate(lines) if line.startswith("collected"))
    not_told = re.compile(r"maelstrom:.*|(test_it\.py *)?[.F]*( +\[.*)?")
    return [line for line in lines[begin:] if not not_told.fullmatch(line)]


@pytest.fixture
def both_ways(project: Any, run: Any) -> Any:
    """The status of a project with this conftest; all must be the same plainly and in containers."""

    def run_both(conftest: str, *, tests: str = TESTS, same_words: bool = True) -> int:
        directory = project(
            {
                "pytest.ini": "[pytest]\n",
                "conftest.py": f"import pytest\n{conftest}",
                "test_it.py": tests,
            }
        )
        options = ("-p", "no:cacheprovider")
        plain = run(directory, *options, ours=False)
        ours = run(directory, *options, "--maelstrom-slots=1", ours=True)
        assert ours.ended() == plain.ended(), f"{plain.out}\n=== ours ===\n{ours.out}"
        if same_words:
            assert told(ours.out) == told(plain.out), f"{plain.out}\n=== ours ===\n{ours.out}"
        status: int = plain.code
        return status

    return run_both


@pytest.mark.parametrize(
    ("does", "status"),
    [
        ("raise pytest.UsageError('not today')", 4),
        ("pytest.exit('enough', returncode=9)", 9),
        ("raise session.Interrupted('enough')", 2),
        ("print('nothing is left to do'); return True", 0),
    ],
)
def test_a_loop_of_the_project_has_its_say(both_ways: Any, does: str, status: int) -> None:
    assert both_ways(f"def pytest_runtestloop(session): {does}\n") == status


@pytest.mark.parametrize(
    ("hook", "does", "status"),
    [
        ("pytest_runtest_logreport", "raise ValueError('by a reporter')", 3),
        ("pytest_runtest_logreport", "raise pytest.UsageError('by a reporter')", 4),
        ("pytest_report_teststatus", "pytest.exit('by a reporter', returncode=9)", 9),
    ],
)
def test_a_hook_about_reports_that_raises_ends_the_run(
    both_ways: Any, hook: str, does: str, status: int
) -> None:
    conftest = f"def {hook}(report):\n    if report.when == 'call': {does}\n"
    # Where pytest itself fails, it shows where that was, which is elsewhere.
    assert both_ways(conftest, same_words=status != 3) == status


@pytest.mark.parametrize(("which", "status"), [("shouldstop", 2), ("shouldfail", 1)])
def test_a_test_may_stop_its_session(both_ways: Any, which: str, status: int) -> None:
    tests = f"def test_one(request): request.session.{which} = 'as I say'\ndef test_two(): pass\n"
    assert both_ways("", tests=tests) == status


def test_where_a_test_was_interrupted_is_told(both_ways: Any) -> None:
    assert both_ways("", tests="def test_one(): raise KeyboardInterrupt\n") == 2


def test_a_hook_that_fails_around_a_test_costs_that_test(project: Any, run: Any) -> None:
    """Plainly it ends the whole run, with a status of 3."""
    conftest = """
        import pytest, warnings
        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(item, call):
            report = yield
            if item.name == "test_one":
                raise pytest.UsageError("by a hook around it")
            return report
        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_call(item):
            yield
            raise ValueError("when it was over")
    """
    files = {"pytest.ini": "[pytest]\n", "conftest.py": conftest, "test_it.py": TESTS}
    ran = run(project(files), ours=True)
    assert ran.code == 1
    assert ran.cases == {"test_it.py::test_one": ["failed"], "test_it.py::test_two": ["failed"]}
    assert "by a hook around it" in ran.out
    # Of a category that is neither Python's nor pytest's.
    assert "PluggyTeardownRaisedWarning: A plugin raised an exception" in ran.out


def test_warnings_of_what_was_not_closed_say_how_to_find_it(project: Any, both: Any) -> None:
    files = {"pytest.ini": "[pytest]\n", "test_it.py": "def test_it(): open(__file__)\n"}
    plain, ours = both(project(files), "-W", "default")
    for words in ("ResourceWarning: unclosed file", "Enable tracemalloc to get traceback"):
        assert words in plain.out
        assert words in ours.out
