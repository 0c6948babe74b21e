"""``--init`` of a runner's program."""

import argparse
from pathlib import Path
from typing import NoReturn

import pytest

from maelstrom_core.filters import Selector, Selectors
from maelstrom_core.program import RunnerProgram, run_program
from maelstrom_core.settings import Settings
from maelstrom_core.settings.toml_file import read_toml
from maelstrom_core.testrun.directives import read_directives

SELECTORS = Selectors(
    [
        Selector(name=name, shortest=name, field=name, help="of a case")
        for name in ("name", "package")
    ]
)


def prepare(_: argparse.Namespace, settings: Settings) -> NoReturn:
    raise AssertionError("nothing is run")


PROGRAM = RunnerProgram(
    runner="r", program="r-checks", prefix="R", description="", selectors=SELECTORS, prepare=prepare
)


def test_a_starter_can_be_used_with_all_its_examples_and_is_never_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_program(PROGRAM, ["--init"]) == 0
    path = tmp_path / "r-checks.toml"
    assert "r-checks.toml was written" in capsys.readouterr().out
    text = path.read_text()
    examples = "\n".join(
        line.removeprefix("# ") for line in text.splitlines()[3:] if "= " in line or "[" in line
    )
    path.write_text(examples)
    assert run_program(PROGRAM, ["--init"]) == 4
    assert "r-checks.toml is there already" in capsys.readouterr().err
    assert path.read_text() == examples
    directives = read_directives(read_toml(path) or {}, SELECTORS, file=path.name, cannot={})
    assert len(directives.directives) == 3
