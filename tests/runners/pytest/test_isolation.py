"""What one case does, another does not see: shown on a suite that tries.

Where it does no harm, the same suite is run by plain pytest as well and must fail there: these are
tests that can.
"""

import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest

from maelstrom_core.container.probe import probe

SAMPLE = Path(__file__).parents[2] / "samples" / "isolation"


def processes_of(token: str) -> list[int]:
    """Processes of this host whose command line has the token in it."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal() or int(process.name) == os.getpid():
            continue
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if token.encode() in command:
            found.append(int(process.name))
    return found


@pytest.fixture
def token() -> str:
    return uuid.uuid4().hex[:12]


@pytest.fixture(params=["template", "fresh"])
def contained(request: pytest.FixtureRequest) -> list[str]:
    """Arguments that run a suite in containers, in one way and in the other."""
    return ["-p", "maelstrom", f"--maelstrom-isolation={request.param}"]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "suite"))


def run(
    suite: Path, token: str, arguments: Sequence[str], **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        **variables,
        "ISOLATION_TOKEN": token,
        "ISOLATION_CONTROLLER": str(os.getpid()),
    }
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *arguments]
    return subprocess.run(
        command, cwd=suite, env=environment, text=True, capture_output=True, timeout=300
    )


def test_files_of_one_case_are_not_seen_by_another(
    suite: Path, token: str, contained: list[str]
) -> None:
    finished = run(suite, token, [*contained, "test_files.py"])

    assert finished.returncode == 0, finished.stdout
    assert "12 passed" in finished.stdout
    for place in (suite, Path("/tmp"), Path.home(), Path("/dev/shm")):
        assert not (place / f"left-behind-{token}").exists()
    assert (suite / "victim.txt").read_text() == "untouched\n"


def test_without_containers_the_same_cases_fail(suite: Path, token: str, tmp_path: Path) -> None:
    finished = run(suite, token, ["-p", "no:maelstrom", "test_files.py"], HOME=str(tmp_path))

    for place in (Path("/tmp"), Path("/dev/shm")):
        (place / f"left-behind-{token}").unlink()
    site_packages = [Path(path) for path in sys.path if path.endswith("site-packages")]
    for leftover in [path / f"left_behind_{token}.py" for path in site_packages]:
        leftover.unlink(missing_ok=True)
    assert finished.returncode == 1, finished.stdout
    for place in ("project", "tmp", "home", "shm"):
        assert (
            f"FAILED test_files.py::test_a_file_of_one_case_is_not_seen_by_another[{place}-another]"
            in finished.stdout
        )


def test_neighbours_do_not_get_into_each_others_way(
    suite: Path, token: str, contained: list[str]
) -> None:
    arguments = [*contained, "--maelstrom-slots=4", "test_neighbours.py"]
    finished = run(suite, token, arguments)

    assert finished.returncode == 0, finished.stdout
    assert "13 passed" in finished.stdout
    assert processes_of(f"grandchild-{token}") == []
    # The clock is the host's: the port was held by several of them at one time, not in turn.
    held = [
        (float(a), float(b)) for a, b in re.findall(r"held from (\S+) to (\S+)", finished.stdout)
    ]
    assert len(held) == 4
    assert max(sum(a <= moment <= b for a, b in held) for moment, _ in held) >= 2, held


def test_a_case_that_uses_up_everything_has_it_for_itself(
    suite: Path, token: str, contained: list[str]
) -> None:
    arguments = [*contained, "--maelstrom-root-size=64MiB", "test_floods.py"]
    limited = all(found.ok for found in probe() if found.name == "a limit of processes")
    if not limited:  # root before Linux 6.14, as doctor says
        arguments += ["--deselect", "test_floods.py::test_all_pids_that_there_are_are_its_own_only"]
    finished = run(suite, token, arguments)

    assert finished.returncode == 0, finished.stdout
    assert f"{8 if limited else 7} passed" in finished.stdout
