"""Which trees of a host are used in place, around a project that is not."""

import os
import sys
from pathlib import Path

import pytest

from pytest_maelstrom.environment import around, without_nested


def test_nested_trees_are_shown_once() -> None:
    assert without_nested(["/usr/lib", "/usr", "/", "/opt/x", "/usrlocal"]) == [
        "/usr",
        "/opt/x",
        "/usrlocal",
    ]


def test_a_project_is_never_used_in_place_but_its_environment_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    environment = project / ".venv"
    environment.mkdir(parents=True)
    monkeypatch.setattr(sys, "prefix", str(environment))
    trees = [str(project), str(project / "src"), str(environment), "/usr"]
    assert around(str(project), trees) == ["/usr", os.path.realpath(environment)]


def test_a_tree_that_holds_the_project_is_taken_in_parts(tmp_path: Path) -> None:
    for name in ("project", "library", "tool"):
        (tmp_path / name).mkdir()
    found = around(str(tmp_path / "project"), [str(tmp_path)])
    assert found == [str(tmp_path / "library"), str(tmp_path / "tool")]
