"""Each case writes where others look, and finds nothing of theirs."""

import os
import sysconfig
from pathlib import Path

import pytest

TOKEN = os.environ["ISOLATION_TOKEN"]
PLACES = {
    "project": Path(__file__).parent,
    "tmp": Path("/tmp"),
    "home": Path.home(),
    "shm": Path("/dev/shm"),
}


@pytest.mark.parametrize("turn", ["one", "another"])
@pytest.mark.parametrize("place", PLACES)
def test_a_file_of_one_case_is_not_seen_by_another(place, turn):
    left_behind = PLACES[place] / f"left-behind-{TOKEN}"
    assert not left_behind.exists()
    left_behind.write_text(turn)
    assert left_behind.read_text() == turn


@pytest.mark.parametrize("turn", ["one", "another"])
def test_a_changed_project_file_is_whole_again(turn):
    victim = Path(__file__).parent / "victim.txt"
    assert victim.read_text() == "untouched\n"
    victim.write_text(turn)


@pytest.mark.parametrize("turn", ["one", "another"])
def test_site_packages_cannot_be_changed_for_others(turn):
    left_behind = Path(sysconfig.get_path("purelib")) / f"left_behind_{TOKEN}.py"
    assert not left_behind.exists()
    try:
        left_behind.write_text(turn)
    except OSError:
        return  # refused is as good as private
