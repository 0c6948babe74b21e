"""The name under which a project's history is shared: the same wherever it was cloned to."""

import shutil
import subprocess
from pathlib import Path

import pytest

from maelstrom_core.testrun.project_name import shared_name
from maelstrom_core.testrun.project_plan import name_of_remote


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/ann/Project.git",
        "https://ann:secret@EXAMPLE.org:8443/ann/Project/",
        "ssh://git@example.org:2222/ann/Project.git",
        "git@example.org:ann/Project.git",
        "example.org:ann/Project",
        "git://example.org/ann/Project\n",
    ],
)
def test_one_repository_has_one_name(url: str) -> None:
    assert name_of_remote(url, "") == "example.org/ann/Project"
    assert name_of_remote(url, "part/of it/") == "example.org/ann/Project/part/of it"


@pytest.mark.parametrize("url", ["", "/srv/git/project.git", "../project", "file:///srv/project"])
def test_what_is_on_this_machine_has_no_name_that_others_know(url: str) -> None:
    assert name_of_remote(url, "part") == ""


def test_a_name_that_is_given_is_the_name(tmp_path: Path) -> None:
    assert shared_name("ours", tmp_path) == "ours"
    assert shared_name("off", tmp_path) == ""


def test_without_a_repository_it_is_that_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    assert shared_name("auto", tmp_path / "project") == "project"


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_a_checkout_is_known_by_where_it_is_from(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", tmp_path, *arguments], check=True, capture_output=True)

    (tmp_path / "part").mkdir()
    git("init")
    assert shared_name("auto", tmp_path / "part") == "part"
    git("remote", "add", "origin", "git@example.org:ann/project.git")
    assert shared_name("auto", tmp_path) == "example.org/ann/project"
    assert shared_name("auto", tmp_path / "part") == "example.org/ann/project/part"
