"""The template of a run, started as soon as it is known what it is: before most of us is imported.

Collecting takes as long as importing what runs the tests, and both have to be done before the first
test: so they are done at once. What is guessed wrongly here costs some time of another CPU: the run
asks for what it needs, and takes the early one only if that is the same.
"""

import contextlib
import sys
import time
from pathlib import Path

import pytest

from maelstrom_core.cluster.early import start_template
from maelstrom_core.hooks.installed import GROUP, OWN_RUNNERS, entries
from maelstrom_core.model.uploads import COPIED, UploadAccount, UploadLines
from maelstrom_core.testrun.history import History
from pytest_maelstrom.containers import containers_of
from pytest_maelstrom.environment import project_directory
from pytest_maelstrom.names import FILE, RUNNER
from pytest_maelstrom.request import PytestRun, learned_so_far
from pytest_maelstrom.settings import read_settings


def start(config: pytest.Config) -> None:
    """Start it, unless something tells that another one will be needed.

    What fails is not told: it fails again when the run asks, and is told then.
    """
    with contextlib.suppress(Exception):  # whatever it is: without all this, the run is only slower
        if not _changes_what_tests_need(config):
            _start(config)


class _Copying:
    """Tells on standard error what takes long: nothing else is shown yet."""

    def __init__(self) -> None:
        self._account, self._lines = UploadAccount(COPIED), UploadLines()

    def tell(self, lacking: int, copied: int) -> None:
        """See `maelstrom_core.layers.copied`."""
        copying = self._account.take(lacking, copied, now=time.monotonic())
        if line := self._lines.line(copying):
            hint = "" if copying.is_over else " (--maelstrom-leave-out: what no test needs)"
            print(f"maelstrom: {line}{hint}", file=sys.stderr, flush=True)


def _changes_what_tests_need(config: pytest.Config) -> bool:
    """Whether pytest's plugins, which are not configured yet, will make another request of it."""
    coverage = sys.modules.get("coverage")
    return bool(
        config.getoption("xmlpath", None)
        or config.getoption("log_file", None)
        or (config.pluginmanager.hasplugin("logging") and config.getini("log_file"))
        or (coverage is not None and coverage.Coverage.current() is not None)
    )


def _start(config: pytest.Config) -> None:
    if any(entry.name not in OWN_RUNNERS for entry in entries(GROUP)):
        return  # they may have settings, and places to run jobs; to load them is the run's to do
    settings = read_settings(config, None)
    if settings.broker or settings.isolation != "template":
        return
    project = project_directory(config)
    learned = None
    if settings.preload == "learned" and not config.option.collectonly:
        file = Path(settings.state) / "history.sqlite"
        with History(file, runner=RUNNER, project=project) as history:
            learned = learned_so_far(history)
    run = PytestRun.of(config, preload=learned, immortal=settings.immortal == "code")
    containers = containers_of(run, project, settings)
    container = containers.default
    if (project / FILE).exists():
        from maelstrom_core.testrun.directives_plan import images_of
        from pytest_maelstrom.choices import choices_of, directives_of

        if images_of(directives_of(project)):
            return  # to bring one takes longer than all of this
        container = choices_of(config, settings, project, containers).container
    if container.template is not None:
        let_go = start_template(
            container, settings, project_directory=project, on_copied=_Copying().tell
        )
        config.add_cleanup(let_go)
