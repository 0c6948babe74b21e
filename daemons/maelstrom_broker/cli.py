"""The program ``maelstrom-broker``."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from maelstrom_broker.settings import OPTIONS, schema
from maelstrom_broker.supervisor import Supervisor, alone_in
from maelstrom_core.errors import MaelstromError, first_of
from maelstrom_core.service_manager import tell_manager
from maelstrom_core.settings import Settings, load
from maelstrom_core.settings.command_line import Version, add_settings, given

_DESCRIPTION = """\
Take jobs from clients, and give them to workers. On one machine, as one user, nothing is to be set up:

  maelstrom-broker                            in one terminal
  maelstrom-worker                            in another
  pytest -p maelstrom --maelstrom-broker auto

For other machines listen on an address that they can reach, and give each a join string:

  maelstrom-broker --listen 0.0.0.0:21000
  maelstrom-admin keys invite worker rack7 --address HOST:21000
                                              prints what to give to maelstrom-worker there
"""
_EPILOG = """\
It runs in the foreground. Whatever ends it but a signal that asks it to (SIGTERM, SIGINT, SIGHUP), it
is started again at once, at the same address; workers and clients come again by themselves, and nothing
that they have is lost.
Exit status: 0 when told to stop; 4 for bad options and settings; 71 if this host refuses.
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
        return _supervise(settings)
    except MaelstromError as error:
        print(f"maelstrom-broker: {error}", file=sys.stderr)
        return error.exit_code


def _supervise(settings: Settings) -> int:
    directory = Path(settings.cluster_directory)
    lock = alone_in(directory)

    def announce(address: str) -> None:
        print(f"listening at {address}; on this machine, as this user, workers and clients find it")
        print("elsewhere: maelstrom-admin makes join strings", flush=True)
        tell_manager("READY=1", f"STATUS=listening at {address}")

    try:
        return Supervisor(_serve_with(settings), settings.listen[1], announce).run()
    finally:
        os.close(lock)


def _serve_with(settings: Settings) -> Callable[[int, int, Callable[[str], None], bool], None]:
    def serve_here(port: int, parent: int, ready: Callable[[str], None], again: bool) -> None:
        # In the child alone: the parent needs neither trio nor ZeroMQ.
        import trio

        from maelstrom_broker.serving import serve

        async def main() -> None:
            await serve(settings, port, parent, ready, again=again)

        try:
            trio.run(main)
        except BaseExceptionGroup as group:
            raise (first_of(group, MaelstromError) or group) from None

    return serve_here


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="maelstrom-broker",
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
