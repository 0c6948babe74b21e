"""The pages about jobs: their tables are the reader's, their examples run."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from maelstrom_run.cli import _parser
from maelstrom_run.settings import OPTIONS, schema

from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.spec.job import KEYS
from maelstrom_core.spec.jobs_plan import JobPlanner

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guide" / "run.md").read_text()
PYTHON = (ROOT / "docs" / "guide" / "python.md").read_text()
EXAMPLES = ROOT / "examples"


def rows(title: str) -> list[str]:
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([\w-]+)` \|.*\|$", section, re.M)


def planner() -> JobPlanner:
    default = ContainerSpec(environment=(("PATH", "/bin"),))
    return JobPlanner(default=default, client={}, project="/p")


def test_the_table_of_keys_is_the_reader_s() -> None:
    assert rows("A job") == list(KEYS)


def test_the_table_of_settings_is_the_schema() -> None:
    assert sorted(rows("Settings")) == sorted(schema().names())
    for name in OPTIONS:
        assert f"| `{name}` | `--{name}` |" in PAGE


def test_every_option_is_told_of() -> None:
    known = {option for action in _parser()._actions for option in action.option_strings}
    # This and the settings' file are as with every program.
    known -= {"-h", "--help", "--version", "-1", "-P", "-c", "--config-file"}

    assert {option for option in known if option not in PAGE} == set()
    assert set(re.findall(r"`(--[a-z-]+)", PAGE)) <= known


@pytest.mark.parametrize("example", re.findall(r"```toml\n(.*?)```", PAGE, re.S))
def test_an_example_in_toml_can_be_used(example: str) -> None:
    assert len(planner().take(tomllib.loads(example), what="it")) == 2


def test_examples_in_json_can_be_used() -> None:
    known, count = planner(), 0
    for block in re.findall(r"```json\n(.*?)```", PAGE, re.S):
        if '"event"' in block:
            for text in re.split(r"\n(?=\{)", block):
                json.loads(text)
            continue
        for line in block.splitlines():
            count += len(known.take(json.loads(line), what="it"))
    assert count == 3


def script(path: Path, *arguments: str, **how: object) -> str:
    """Run an example; what it says."""
    done = subprocess.run(
        [*([] if os.access(path, os.X_OK) else [sys.executable]), str(path), *arguments],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        **how,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("containers")
def test_the_first_python_example_of_the_page_runs(tmp_path: Path) -> None:
    path = tmp_path / "first.py"
    path.write_text(re.findall(r"```python\n(.*?)```", PYTHON, re.S)[0])

    assert script(path) == ""


@pytest.mark.usefixtures("containers")
def test_the_example_of_outcomes() -> None:
    assert script(EXAMPLES / "python_api" / "outcomes.py").splitlines() == [
        "well: exited with status 0 → nothing to do",
        "badly: exited with status 3 → look into its output: it said 3",
        "by a signal: killed by signal 11 → it crashed with signal 11",
        "too late: timed out after 0.2 s, ended on SIGTERM → give it more than 0.2 s",
        "with too much output: ended by its limit of output: 1 MiB, by maelstrom; limits.output "
        "raises it → limits.output raises it",
        "not at all: could not start: start the program: execve failed: no such program in the "
        "container; check its name and the container's PATH → check its name and the container's PATH",
        "/tmp/system.txt: Linux",
        "the job cannot be used:",
        "  programm: unknown; did you mean program?",
        "  program is missing",
        "  timeout: expected a number of seconds such as 30 or 2m, not 'soon'",
    ]


@pytest.mark.usefixtures("containers")
def test_the_example_of_surroundings() -> None:
    assert script(EXAMPLES / "python_api" / "compare_outputs.py").splitlines() == [
        "as it is: the same",
        "another language: the same",
        "another user: otherwise",
        "another directory: otherwise",
        "no network: the same",
    ]


@pytest.mark.usefixtures("containers")
def test_the_example_of_many_jobs_from_a_shell_and_from_python(tmp_path: Path) -> None:
    directory = EXAMPLES / "monte_carlo"

    from_shell = script(directory / "estimate.sh", "60")
    from_python = script(directory / "estimate.py", "60", "pi.svg", cwd=tmp_path)

    # The same seeds: the same darts.
    assert re.fullmatch(r"60 jobs: 3\.1\d\d\d\n", from_shell)
    assert from_python == from_shell.replace("\n", "; see pi.svg\n")
    (line,) = ElementTree.parse(tmp_path / "pi.svg").iter("{http://www.w3.org/2000/svg}polyline")
    assert len(line.attrib["points"].split()) == 60
