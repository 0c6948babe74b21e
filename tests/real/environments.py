"""Sources and environments of the real suites: fetched and made once, for comparisons and benches."""

import subprocess
import sys
import tarfile
import venv
from collections.abc import Sequence
from pathlib import Path

from suites import Suite

PROJECT = Path(__file__).resolve().parents[2]


def fetch(suite: Suite, work: Path) -> Path:
    """Directory of the suite's source distribution, fetched once."""
    directory = work / suite.directory
    if not directory.is_dir():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run(
            [*pip, "--no-binary", ":all:", "--dest", work, suite.requirement], check=True
        )
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
    return make_environment(suite.name, work, [fetch(suite, work), *suite.needs, *more])


def make_environment(name: str, work: Path, requirements: Sequence[str | Path]) -> Path:
    """Interpreter of an environment, with pytest and this project as it is now.

    :param requirements: installed when the environment is made, and not looked at again
    """
    environment = work / f"{name}-environment"
    python = environment / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not python.exists():
        venv.create(environment, with_pip=True)
        subprocess.run([*pip, "pytest", *requirements], check=True)
    subprocess.run([*pip, PROJECT], check=True)
    return python
