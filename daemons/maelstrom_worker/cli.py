"""The program ``maelstrom-worker``."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from maelstrom_core.errors import MaelstromError, first_of
from maelstrom_core.settings import Settings, load
from maelstrom_core.settings.command_line import Version, add_settings, given
from maelstrom_worker.settings import OPTIONS, schema

_DESCRIPTION = """\
Run jobs for a cluster, each in a container of its own. On the machine and as the user of the broker:

  maelstrom-worker

On another machine, with a join string of the cluster's administrator:

  maelstrom-worker --broker maelstrom-join-1/…
"""
_EPILOG = """\
It runs in the foreground and stays joined: when the broker is gone it goes on with what runs, and tries
again for ever. SIGTERM ends it: nothing new is taken, and running jobs get the grace to end; a second
one ends it at once. SIGUSR1 ends it when all that runs has ended, however long that takes.
Exit status: 0 when told to stop; 4 for bad options, settings and join strings; 71 if this host refuses;
76 if the broker does.
All of it: docs/guide/cluster.md.  Can this machine run containers?  `maelstrom doctor`
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        settings = load(
            schema(),
            given(chosen, OPTIONS),
            environment=os.environ,
            config_file=chosen.config_file,
        )
        if chosen.print_config:
            print(settings.described())
            return 0
        return _run(settings)
    except MaelstromError as error:
        print(f"maelstrom-worker: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _run(settings: Settings) -> int:
    import trio

    from maelstrom_worker.main import run

    logging.basicConfig(
        stream=sys.stderr,
        level=settings.log_level.upper(),
        format="%(asctime)s %(levelname)s %(message)s",
    )
    try:
        trio.run(run, settings)
    except BaseExceptionGroup as group:
        raise (first_of(group, MaelstromError) or group) from None
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="maelstrom-worker",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--version", action=Version, nargs=0, help="show program's version number and exit")
    add_settings(parser, schema(), OPTIONS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
