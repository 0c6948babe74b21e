"""What holds for all tests: a slow machine is no fault of theirs, and what they start starts quickly."""

import os
import tomllib
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Other plugins change what runs of pytest say, and take time: Hypothesis's imports Hypothesis at the
# end of any run, which is longer than all of the rest of a small one. Tests that are about other
# plugins take this back.
_OURS = ("maelstrom", "xdist", "xdist.looponfail")
# pytest shows more where it believes itself to be run by a CI, and tests of ours read what it shows.
# That these tests are run by pytest-xdist is no matter of those which they run. And where a developer's
# environment forbids bytecode, each of them would compile all of ours again.
_NOT_FOR_THEM = (
    *("CI", "BUILD_NUMBER", "PYTHONDONTWRITEBYTECODE"),
    *("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"),
)


def pytest_configure(config: pytest.Config) -> None:
    """What the programs find that tests start; pytest-xdist's workers are none of these."""
    for variable in _NOT_FOR_THEM:
        os.environ.pop(variable, None)
    if not config.getoption("numprocesses", None):
        others = {one.name for one in entry_points(group="pytest11")}.difference(_OURS)
        os.environ["PYTEST_ADDOPTS"] = " ".join(f"-p no:{name}" for name in sorted(others))


settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


_MOST_WORKERS = 8


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """With ``-n auto``: one more than there are CPUs, for many tests wait for what they have started.

    The tests of a file stay together and in order, as they share what is dear to make, and look for
    processes of theirs; files are begun in order, of which the slow ones come first.
    """
    config.option.dist = "loadfile"
    config.option.loadscopereorder = False
    return min(1 + len(os.sched_getaffinity(0)), _MOST_WORKERS)


def _installed(example: Path, target: Path) -> Path:
    """What an editable install leaves: metadata out of pyproject.toml, and where the code is.

    Without a build, for an environment may lack what building needs, and the network to get it.
    """
    project = tomllib.loads((example / "pyproject.toml").read_text())["project"]
    metadata = target / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = project["entry-points"]
    lines = [
        "\n".join([f"[{group}]", *(f"{name} = {module}" for name, module in entries.items())])
        for group, entries in groups.items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return target


@pytest.fixture
def distribution() -> Callable[[Path, Path], Path]:
    """Installs a distribution into a directory, as far as its entry points are found."""
    return _installed
