"""The program ``maelstrom-run``."""

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from maelstrom_core.container import slot_process
from maelstrom_core.errors import MaelstromError
from maelstrom_core.kept_code import kept_code
from maelstrom_core.settings import Settings, load
from maelstrom_core.settings.command_line import Version, add_settings, given
from maelstrom_run.endings_plan import BY_SIGNAL, HOST_FAULT, Ending
from maelstrom_run.settings import OPTIONS, schema
from maelstrom_run.starter import FILE, write_starter

_DESCRIPTION = """\
Run programs, each in a container of its own. Jobs are read as JSON objects, one after the other, or
as TOML, and are started as they are read:

  echo '{"program": "echo", "arguments": ["hello"]}' | maelstrom-run
  maelstrom-run -f jobs.toml
  maelstrom-run -f jobs.toml --one -- sh -c 'ls /'
  maelstrom-run --tty                               a shell, to look around in a container
"""
_EPILOG = """\
Exit status: 0 if all jobs exited with 0; 1 if one did not; 4 for what is no job, and bad settings;
71 if this host refuses. With --one that of the job, or death by the same signal; 124 if its time was
up; 126 and 127 if its program cannot be run, or is not there.
All of it: docs/guide/run.md.  Can this machine run containers?  `maelstrom doctor`
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit status, unless it dies of a signal."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    _check(parser, chosen)
    try:
        ending = _answer(chosen)
        sys.stdout.flush()
    except MaelstromError as error:
        print(f"maelstrom-run: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        ending = Ending(BY_SIGNAL + signal.SIGINT, signal.SIGINT)
    except BrokenPipeError:
        ending = Ending(BY_SIGNAL + signal.SIGPIPE, signal.SIGPIPE)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"maelstrom-run: output cannot be written: {error.strerror}", file=sys.stderr)
        return HOST_FAULT
    if ending.signal:
        from maelstrom_run.stopping import die_of

        with suppress(OSError):
            sys.stderr.flush()
        die_of(ending.signal)
    return ending.code


def _answer(chosen: argparse.Namespace) -> Ending:
    if chosen.init is not None:
        return Ending(write_starter(Path(chosen.init)))
    settings = load(
        schema(),
        given(chosen, OPTIONS),
        environment=os.environ,
        config_file=chosen.config_file,
    )
    if chosen.print_config:
        print(settings.described())
        return Ending()
    return _run(chosen, settings)


def _run(chosen: argparse.Namespace, settings: Settings) -> Ending:
    if not chosen.explain and settings.interpreter == "auto":
        # They start on another CPU while the rest of us is imported, which takes as long.
        with suppress(OSError):  # told when they are needed
            slot_process.start_early(settings.slots)
    with kept_code("run"):
        # Nothing of trio is needed for what only asks.
        import trio

        from maelstrom_run.session import run

        gc.freeze()  # what was imported stays
    # Jobs leave hardly any cycles behind: to look for some after every few is wasted.
    gc.set_threshold(10_000)
    return trio.run(run, chosen, settings)


def _check(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> None:
    """Refuse options that say nothing together."""
    chosen.command = tuple(chosen.command[1:] if chosen.command[:1] == ["--"] else chosen.command)
    if chosen.command and not (chosen.one or chosen.tty):
        parser.error("a program and its arguments are for --one and --tty")
    if chosen.tty and (chosen.stdin or chosen.file == "-"):
        parser.error("--tty: what is typed is for the job, so the job must come from elsewhere")
    chosen.one = chosen.one or chosen.tty
    if chosen.stdin and not (chosen.one and (chosen.file not in (None, "-") or chosen.command)):
        parser.error("--stdin is for --one with a job that is not read from standard input")
    if chosen.one and (chosen.live or chosen.json):
        parser.error("--one shows what its job writes as it is; --live and --json are for many")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="maelstrom-run",
        usage="maelstrom-run [OPTIONS] [-f FILE]\n"
        "       maelstrom-run [OPTIONS] [-f FILE] --one [--] [PROGRAM [ARGUMENTS]]\n"
        "       maelstrom-run [OPTIONS] [-f FILE] --tty [--] [PROGRAM [ARGUMENTS]]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--version", action=Version, nargs=0, help="show program's version number and exit")
    add("-f", "--file", metavar="FILE", help="read jobs from there instead of standard input")
    kinds = ("auto", "json", "toml")
    text = "what is read; auto: by the file's name, or by how it begins"
    add("--format", choices=kinds, default="auto", help=text)
    text = "file of containers that can be parents of jobs; may be given several times"
    add("--containers", metavar="FILE", action="append", default=[], help=text)
    add("-1", "--one", action="store_true", help="run the first job only, and end as it ends")
    text = "as --one, and your terminal is the job's; without any job, a shell"
    add("-t", "--tty", action="store_true", help=text)
    text = "with --one: what is on standard input is the job's"
    add("--stdin", action="store_true", help=text)
    text = "show lines as they are written, each with its job's label or number in front"
    add("--live", action="store_true", help=text)
    add("--json", action="store_true", help="say everything as JSON, one event a line")
    add("--no-progress", action="store_true", help="no line of progress at a terminal")
    add("--explain", action="store_true", help="show what would be run, and in which container")
    text = f"write a file of jobs to start from ({FILE})"
    add("--init", metavar="FILE", nargs="?", const=FILE, help=text)
    add_settings(parser, schema(), OPTIONS)
    rest: Any = argparse.REMAINDER
    add("command", nargs=rest, metavar="PROGRAM", help="with --one: what to run instead")
    return parser


if __name__ == "__main__":
    sys.exit(main())
