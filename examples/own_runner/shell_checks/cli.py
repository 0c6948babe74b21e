"""The program ``shell-checks [DIRECTORY]``."""

import argparse
import os
import sys
from pathlib import Path

import trio

from maelstrom_core.cluster.choose import open_backend
from maelstrom_core.errors import MaelstromError
from maelstrom_core.hooks import hookimpl
from maelstrom_core.hooks.manager import Plugins
from maelstrom_core.model.cases import CaseReport
from maelstrom_core.model.views import Summary
from maelstrom_core.settings import COMMON, Schema, Settings, load
from maelstrom_core.settings.host import state_directory, store_directory, usable_cpus
from maelstrom_core.testrun.shell import TestRun
from maelstrom_core.testrun.state import Limits
from shell_checks.hooks import RUNNER


class Printer:
    """A plugin of the program's own: an observer."""

    @hookimpl
    def maelstrom_case_reported(self, report: CaseReport) -> None:
        """Print a line for each case, and why it did not pass."""
        print(f"{report.status.value:10} {report.id}")
        if report.status.is_failure:
            print(report.message)


async def run(project: Path, plugins: Plugins, settings: Settings) -> Summary:
    """Run all checks of a project."""
    async with open_backend(settings, plugins, project_directory=project) as backend:
        test_run = TestRun(
            runner=RUNNER,
            plugins=plugins,
            backend=backend,
            project_directory=project,
            options={"timeout": settings.timeout},
            limits=Limits.of(settings),
        )
        return await test_run.run()


def main() -> int:
    """Run the program; its exit status."""
    parser = argparse.ArgumentParser(prog=RUNNER)
    parser.add_argument("directory", nargs="?", type=Path, default=Path())
    project = parser.parse_args().directory.resolve()
    try:
        plugins = Plugins(extra=[("printer", Printer())])
        fields = COMMON(slots=usable_cpus(), store=store_directory(), state=state_directory())
        schema = Schema(RUNNER, "SHELL_CHECKS", fields)
        plugins.options(schema)
        settings = load(schema, {}, environment=os.environ)
        summary = trio.run(
            run, project, plugins, settings, restrict_keyboard_interrupt_to_checkpoints=True
        )
    except MaelstromError as error:
        print(f"{RUNNER}: {error}", file=sys.stderr)
        return error.exit_code
    for text in summary.errors:
        print(f"{RUNNER}: {text}", file=sys.stderr)
    return 1 if summary.errors or summary.failures else 0


if __name__ == "__main__":
    sys.exit(main())
