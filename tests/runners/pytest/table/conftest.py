"""The table as data, its projects, and what is compared of two runs."""

import json
import os
import re
import shutil
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

HERE = Path(__file__).parent
PROJECTS = HERE.parents[2] / "samples" / "table"
PROGRESS = re.compile(r"(\S+\.(py|txt) )?[.FEsxXuR]+( \[N%\])?")


@attrs.frozen
class Done:
    """What a run has come to.

    :param steps: exit status, cases and output of each run of pytest in a row
    :param files: what it has written, by name
    """

    steps: list[tuple[int, dict[str, list[str]], str]]
    files: dict[str, str]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A case for each run, or each row that is shown elsewhere."""
    for name, kind in (("table_run", "run"), ("shown", "shown")):
        if name not in metafunc.fixturenames:
            continue
        entries = [
            (f"{file.stem}-{number}-{entry.get('project', '')}", entry)
            for file in sorted(HERE.glob("*.toml"))
            for number, entry in enumerate(tomllib.loads(file.read_text()).get(kind, []))
        ]
        metafunc.parametrize(
            name,
            [
                pytest.param(one, id=id_, marks=[pytest.mark.nightly] * one.get("nightly", False))
                for id_, one in entries
            ],
        )


@pytest.fixture
def do(run: Callable[..., Any], tmp_path: Path) -> Callable[..., Done]:
    """Do a run of the table, plainly or in containers, each in the same directory made anew."""

    def do_run(table_run: dict[str, Any], *, ours: bool) -> Done:
        directory = tmp_path / "project"
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(PROJECTS / table_run["project"], directory)
        blocked = os.environ["PYTEST_ADDOPTS"].split("-p no:")
        blocked = [one.strip() for one in blocked if one.strip()] + ["xdist", "xdist.looponfail"]
        kept = [name for name in blocked if name not in table_run.get("plugins", [])]
        variables = {
            "PYTEST_ADDOPTS": " ".join(f"-p no:{name}" for name in kept),
            # Where nobody answers.
            "https_proxy": "http://127.0.0.1:9",
        }
        beside = any(word.startswith("-n") for word in words(table_run["steps"][0]))
        # Else they would end in another order where the machine is busy.
        slots = ["--maelstrom-slots=1"] if ours and not beside else []
        steps = []
        for step in table_run["steps"]:
            ran = run(directory, *slots, *words(step), ours=ours, **variables)
            steps.append((ran.code, dict(ran.cases), ran.out))
        names = [path.name for path in directory.iterdir() if path.is_file()]
        files = {name: (directory / name).read_text() for name in names if "." in name}
        cache = directory / ".pytest_cache" / "v"
        for path in sorted(cache.rglob("*")):
            if path.is_file():
                files[f"cache {path.relative_to(cache)}"] = path.read_text()
        return Done(steps, files)

    return do_run


def words(step: str) -> list[str]:
    """A step as arguments; quoted words are one."""
    import shlex

    return shlex.split(step)


@pytest.fixture
def compared() -> dict[str, Callable[[Done], Any]]:
    """By what ``compare`` names: what must be the same."""
    return {
        "cases": lambda done: [(code, cases) for code, cases, _ in done.steps],
        "text": _texts,
        "xml": lambda done: _xml(done.files["report.xml"]),
        "json": lambda done: _json(done.files["report.json"]),
        "html": lambda done: sorted(
            re.findall(r"test_\w+\.py::[^&<\\]+", done.files["report.html"])
        ),
        "cache": lambda done: {
            name: json.loads(text) for name, text in done.files.items() if name.startswith("cache ")
        },
    }


def _texts(done: Done) -> list[list[str]]:
    """Lines of each step, without what is never the same; in any order where there is a history."""
    texts = []
    for number, (_, _, out) in enumerate(done.steps):
        out = re.sub(r"\d+\.\d+s( \([0-9:]+\))?", "Ns", out)
        out = re.sub(r" +\[ *\d+%\]", " [N%]", out)
        out = re.sub(r"\d+:\d+:\d+ ago", "N ago", out)
        out = re.sub(r"0x[0-9a-f]+", "0x", out)
        lines = [
            line.rstrip()
            for line in out.splitlines()
            if not line.startswith(("maelstrom:", "plugins:", "(", "collecting ..."))
            and not PROGRESS.fullmatch(re.sub(r"\x1b\[[0-9;]*m", "", line))
        ]
        lines = [re.sub("=+ (?=.* in Ns)|(?<= in Ns) =+", "", line) for line in lines if line]
        texts.append(sorted(lines) if number else lines)
    return texts


def _xml(text: str) -> list[Any]:
    """All elements with what they say, without times and hosts."""
    found = []
    for element in ElementTree.fromstring(text).iter():
        told = {k: v for k, v in element.items() if k not in ("time", "timestamp", "hostname")}
        said = re.sub(r"0x[0-9a-f]+", "0x", f"{told} {element.text}")
        found.append((element.tag, said))
    return found


def _json(text: str) -> Any:
    """The document, without times and what surrounds the run."""
    document = json.loads(re.sub(r"0x[0-9a-f]+", "0x", text))
    left_out = ("created", "duration", "environment", "collectors", "pid", "thread", "process")
    return _without(document, (*left_out, "threadName", "processName", "relativeCreated", "msecs"))


def _without(value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner, names) for key, inner in value.items() if key not in names}
    return [_without(inner, names) for inner in value] if isinstance(value, list) else value
