"""Sources and environments of the real suites: fetched and made once, for comparisons and benches."""

import functools
import subprocess
import sys
import tarfile
import threading
import venv
from collections.abc import Sequence
from pathlib import Path

from suites import Suite

PROJECT = Path(__file__).resolve().parents[2]
_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
_one_at_a_time = threading.Lock()


def fetch(suite: Suite, work: Path) -> Path:
    """Directory of the suite's source distribution, fetched once.

    Of a suite that is part of what is installed, an empty directory.
    """
    directory = work / suite.directory
    if suite.installed:
        directory.mkdir(exist_ok=True)
    elif not directory.is_dir():
        download = [*_PIP, "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*download, "--dest", work, suite.requirement], check=True)
        with tarfile.open(work / f"{suite.directory}.tar.gz") as archive:
            # The oldest 3.11 releases know no filters; pip has read the same archive before.
            archive.extractall(
                work, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {})
            )
    return directory


def make_suite_environment(suite: Suite, work: Path, *more: str) -> Path:
    """Interpreter of an environment with pytest, the suite's project and this one.

    :param more: requirements beside those of the suite
    """
    source = suite.requirement if suite.installed else fetch(suite, work)
    return make_environment(suite.name, work, [source, *suite.needs, *more])


def make_environment(name: str, work: Path, requirements: Sequence[str | Path]) -> Path:
    """Interpreter of an environment, with pytest and this project as it is now.

    :param requirements: installed when the environment is made, and not looked at again
    """
    environment = work / f"{name}-environment"
    python = environment / "bin" / "python"
    # One pip for all environments: to put one into each takes longer than to use it.
    install = [*_PIP, "--python", python, "install", "--quiet"]
    wheel = build_wheel(work)
    if not python.exists():
        venv.create(environment, with_pip=False)
        subprocess.run([*install, "pytest", *requirements, wheel], check=True)
    else:
        subprocess.run([*install, wheel], check=True)  # for what it needs since then
        subprocess.run([*install, "--no-deps", "--force-reinstall", wheel], check=True)
    return python


def build_wheel(work: Path) -> Path:
    """This project as it is now; built once by a process."""
    with _one_at_a_time:
        return _build_wheel(work)


@functools.cache
def _build_wheel(work: Path) -> Path:
    wheels = work / "wheel"
    for old in wheels.glob("*.whl"):
        old.unlink()
    subprocess.run(
        [*_PIP, "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, PROJECT], check=True
    )
    (wheel,) = wheels.glob("*.whl")
    return wheel
