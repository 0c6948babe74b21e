"""``--cov`` gives the same numbers in containers as plainly, and what containers say is checked."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import coverage
import pytest

SUITE = {
    "pytest.ini": "[pytest]\npythonpath = src\n",
    "src/shop/__init__.py": "from shop.prices import total\n",
    "src/shop/prices.py": """
        VAT = [rate for rate in (7, 19)]

        def total(prices, limit=None):
            sum_ = 0
            for price in prices:
                if limit is not None and sum_ > limit:
                    break
                sum_ += price
            else:
                return sum_
            return limit

        def never():
            return 1

        DEFAULT = total([1])
    """,
    "src/shop/late.py": """
        WHEN = "imported by one test alone"

        def kind(number):
            if number > 1:
                return "many"
            return "one"
    """,
    "src/shop/program.py": """
        def main():
            return "in a process of its own"

        if __name__ == "__main__":
            main()
    """,
    "src/shop/unused.py": "def unused():\n    return 2\n",
    "src/shop/uncovered.py": "def paused():\n    return 3\n",
    "tests/conftest.py": """
        import pytest, shop

        def pytest_runtest_logreport(report):
            if report.failed:
                shop.failed = report.nodeid

        def pytest_report_teststatus(report):
            if report.when == "call" and report.skipped:
                shop.skipped = True

        def pytest_collection_modifyitems(items):
            shop.items = len(items)

        @pytest.fixture
        def basket():
            yield [shop.total([1]), 2]
            shop.total([], 1)
    """,
    "tests/deep/conftest.py": """
        import pytest

        @pytest.fixture
        def number():
            return 3
    """,
    "tests/deep/test_deep.py": "def test_deep(number): assert number == 3\n",
    "tests/test_shop.py": """
        import os, subprocess, sys, threading, pytest, shop
        from shop import uncovered

        def test_late():
            from shop.late import kind
            assert kind(2) == "many"

        @pytest.mark.maelstrom(isolation="fresh")
        def test_fresh(basket):
            assert shop.total(basket) == 3

        def test_basket(basket):
            assert shop.total(basket, limit=0) == 0

        def test_fails():
            assert shop.total([2]) == 1

        @pytest.mark.parametrize("text", ["a|b", "ü", "[x]"])
        def test_odd(text):
            shop.total([len(text)])

        def test_thread():
            thread = threading.Thread(target=shop.total, args=([1, 2], 0))
            thread.start()
            thread.join()

        def test_starts_a_process():
            path = os.path.abspath("src")
            program = [sys.executable, "-c", "from shop import program; program.main()"]
            subprocess.run(program, env={**os.environ, "PYTHONPATH": path}, check=True)

        def test_skips():
            pytest.skip("not today")

        @pytest.mark.no_cover
        def test_not_measured():
            uncovered.paused()

        def test_of_the_fixture(cov):
            assert cov.get_option("run:source") == ["shop", "tests"]
    """,
}
SOURCES = ("--cov=shop", "--cov=tests")


def measured(directory: Path) -> Mapping[str, Mapping[int, set[str]]]:
    """What a run has left in its data file: for each file and line the contexts."""
    data = coverage.CoverageData(basename=str(directory / ".coverage"))
    data.read()
    found = {}
    for file in data.measured_files():
        contexts = data.contexts_by_lineno(file)
        found[str(Path(file).relative_to(directory))] = {
            line: set(names) for line, names in contexts.items()
        }
    return found


def arcs(directory: Path) -> Mapping[str, set[tuple[int, int]]]:
    data = coverage.CoverageData(basename=str(directory / ".coverage"))
    data.read()
    assert data.has_arcs()
    return {file: set(data.arcs(file) or ()) for file in data.measured_files()}


def table(text: str) -> list[str]:
    """pytest-cov's summary, as it is shown."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if "tests coverage" in line)
    return [
        line
        for line in lines[start:]
        if re.match(
            r"(_+ coverage: |Name |TOTAL|src/|tests/|FAIL Required|Coverage (XML|JSON))", line
        )
    ]


def report(path: Path) -> Any:
    """coverage's report as JSON, without its date."""
    found = json.loads(path.read_text())
    del found["meta"]["timestamp"]
    return found


@pytest.fixture(autouse=True)
def with_pytest_cov(monkeypatch):
    others = os.environ["PYTEST_ADDOPTS"].replace("-p no:pytest_cov", "")
    monkeypatch.setenv("PYTEST_ADDOPTS", others)


def test_branches_contexts_and_reports_are_the_same(project, run):
    directory = project({**SUITE, "../settings": "[run]\npatch = subprocess\n"})
    options = [
        *SOURCES,
        "--cov-config=../settings",
        "--cov-branch",
        "--cov-context=test",
        "--cov-report=term-missing",
        "--cov-report=json",
        "--cov-report=xml",
        "--cov-fail-under=99.5",
        "-pno:cacheprovider",
    ]
    seen = []
    for ours in (False, True):
        # In what order coverage names sources in its XML is left to the seed.
        ran = run(directory, *options, ours=ours, PYTHONHASHSEED="0")
        xml = re.sub(r'timestamp="\d+"', "", (directory / "coverage.xml").read_text())
        found = measured(directory), arcs(directory), report(directory / "coverage.json"), xml
        seen.append((ran, *found))
        assert not list(directory.glob(".coverage.*"))
    (plain, *plain_found), (ours, *our_found) = seen
    assert ours.ended() == plain.ended(), ours.out
    # Some hooks are called in the controlling process too, where they belong to no test.
    for found in plain_found, our_found:
        for line in range(1, 15):
            found[0]["tests/conftest.py"].pop(line, None)
    assert our_found == plain_found
    assert table(ours.out) == table(plain.out)
    assert len(table(plain.out)) > 12, plain.out
    assert "FAIL Required test coverage of 99.5% not reached" in ours.out
    assert "CoverageWarning" not in ours.out
    # The samples hold what they are made for.
    contexts = our_found[0]
    assert contexts["src/shop/prices.py"][2] == {""}
    assert contexts["src/shop/late.py"][2] == {"tests/test_shop.py::test_late|run"}
    assert "tests/test_shop.py::test_basket|setup" in contexts["tests/conftest.py"][17]
    assert "tests/test_shop.py::test_fresh|teardown" in contexts["tests/conftest.py"][18]
    assert "tests/test_shop.py::test_odd[a|b]|run" in contexts["src/shop/prices.py"][5]
    assert contexts["src/shop/program.py"][2] == {""}
    assert contexts["src/shop/unused.py"] == {}
    assert list(contexts["src/shop/uncovered.py"]) == [1]


def test_lines_are_the_same_and_are_appended(project, run):
    directory = project(SUITE)
    options = [*SOURCES, "-pno:cacheprovider", "-k", "late or deep"]
    seen = []
    for ours in (False, True):
        first = run(directory, *options, ours=ours)
        numbers = measured(directory)
        appended = [*SOURCES, "--cov-append", "-pno:cacheprovider", "-k", "basket"]
        second = run(directory, *appended, *(["-n2"] if ours else []), ours=ours)
        seen.append((numbers, measured(directory)))
        assert first.code == second.code == 0, first.out + second.out
        assert "src/shop/late.py" in second.out
    assert seen[1] == seen[0]
    assert set(seen[0][0]["src/shop/prices.py"]) < set(seen[0][1]["src/shop/prices.py"])


def test_started_by_coverage_run(project, tmp_path):
    directory = project(
        {
            **SUITE,
            ".coveragerc": "[run]\nbranch = True\nsource = src, tests\ncontext = always\n",
        }
    )
    seen = []
    for ours in ([], ["-p", "maelstrom"], ["-p", "maelstrom", "--maelstrom-isolation=fresh"]):
        command = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-pno:cacheprovider"]
        selected = ["-k", "late or deep or basket or fails", *ours]
        done = subprocess.run(
            [*command, *selected],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert done.returncode == 1, done.stdout
        seen.append((measured(directory), arcs(directory)))
    assert seen[1] == seen[0]
    assert seen[2] == seen[0]
    assert seen[0][0]["src/shop/late.py"][2] == {"always"}


def test_what_a_test_makes_up_is_refused_and_said(project, run):
    directory = project(
        {
            "pytest.ini": "[pytest]\npythonpath = .\n",
            "shop.py": "def buy(): return 1\n",
            "test_it.py": """
                import json, os
                import shop

                def send(**fields):
                    fields = {"tracers": {}, "touched": {}, "branch": False, **fields}
                    line = json.dumps({"kind": "measured", **fields}) + "\\n"
                    for name in os.listdir("/proc/self/fd"):
                        try:
                            if "pipe" in os.readlink(f"/proc/self/fd/{name}") and int(name) > 2:
                                os.write(int(name), line.encode())
                        except OSError:
                            pass

                def test_makes_things_up():
                    send(contexts={"": {shop.__file__: [1 << 40]}})
                    send(contexts={"": {shop.__file__: ["2); DROP TABLE file"]}})
                    send(contexts=None)
                    shop.buy()

                def test_dies():
                    os._exit(3)
            """,
        }
    )
    ran = run(directory, "--cov=shop", "-pno:cacheprovider", ours=True)
    assert "1 failed, 1 passed" in ran.out, ran.out
    assert "maelstrom: coverage that did not come" in ran.out
    for why in ("a line beyond", "lines are no numbers", "it is no table"):
        assert f"test_it.py::test_makes_things_up: {why}" in ran.out.replace("there is ", ""), why
    assert re.search(r"^shop.py +1 +0 +100%$", ran.out, re.MULTILINE), ran.out
