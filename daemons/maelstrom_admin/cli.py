"""The program ``maelstrom-admin``."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from maelstrom_core.errors import MaelstromError, UsageError, first_of
from maelstrom_core.settings import COMMON, Field, Schema, Settings, load
from maelstrom_core.settings.command_line import Version, given
from maelstrom_core.settings.host import state_directory, store_directory, usable_cpus
from maelstrom_core.settings.schema import BadValue, broker, seconds

_PATIENCE_SECONDS = 30.0
"""A welcome that does not come is asked for anew after ten: it may be missed twice."""
_DESCRIPTION = """\
Look after a cluster: see what its broker does, and who may join.

  maelstrom-admin status                       workers, clients, what waits and why
  maelstrom-admin top                          the same, live
  maelstrom-admin story ann                    where the time of a run went, and what failed
  maelstrom-admin story ann tests/test_a.py::test_b   the same of one job, and why it ran where it did
  maelstrom-admin drain rack7                  give a worker nothing new; `undrain` takes it back
  maelstrom-admin cancel ann                   end all jobs of a client
  maelstrom-admin stop                         stop the broker
  maelstrom-admin keys invite worker rack7     a join string for a second machine
  maelstrom-admin keys list
  maelstrom-admin keys revoke client ann
"""
_EPILOG = """\
The broker of this user on this machine is found by itself; another one is named by --broker and a join
string for the role admin. Keys are changed on the broker's machine, as its user, and are read again by
a broker that runs. Exit status: 0 if it was done; 4 for bad options and names; 76 if the broker
refuses or cannot be reached.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        settings = load(
            schema(),
            given(chosen, ("broker", "cluster-directory", "patience")),
            environment=os.environ,
            config_file=chosen.config_file,
        )
        return _do(chosen, settings)
    except MaelstromError as error:
        print(f"maelstrom-admin: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _do(chosen: argparse.Namespace, settings: Settings) -> int:
    if chosen.command == "keys":
        _print(_keys(chosen, Path(settings.cluster_directory)))
        return 0
    import trio

    try:
        _print(
            trio.run(
                partial(_ask, chosen, settings), restrict_keyboard_interrupt_to_checkpoints=True
            )
        )
    except BaseExceptionGroup as group:
        # What went wrong, out of the groups that trio wraps it in.
        for kind in (MaelstromError, KeyboardInterrupt):
            known = first_of(group, kind)
            if known is not None:
                raise known from None
        raise
    return 0


def _print(lines: Sequence[str]) -> None:
    for line in lines:
        print(line)
    sys.stdout.flush()


def _keys(chosen: argparse.Namespace, directory: Path) -> Sequence[str]:
    from maelstrom_admin.keys import Keys

    keys = Keys(directory, chosen.address or "")
    match chosen.action:
        case "make":
            return [keys.make()]
        case "list":
            return keys.listed()
        case "invite" if chosen.public_key:
            return [keys.add(chosen.role, chosen.name, chosen.public_key)]
        case "invite":
            return [keys.invite(chosen.role, chosen.name)]
        case "revoke":
            return [keys.revoke(chosen.role, chosen.name)]
        case "rotate" if chosen.finish:
            return [keys.finish(chosen.role, chosen.name)]
        case "rotate":
            return [keys.rotate(chosen.role, chosen.name, overlap=chosen.overlap)]
        case _:
            return [keys.rotate_broker()]


async def _ask(chosen: argparse.Namespace, settings: Settings) -> Sequence[str]:
    from maelstrom_admin.asking import conversation, order, status_of, story_of
    from maelstrom_admin.status_plan import lines_of, session_of
    from maelstrom_admin.story_plan import story_lines
    from maelstrom_core.wire.administration import CancelRun, Drain, Stop

    directory = Path(settings.cluster_directory)
    async with conversation(settings.broker, directory, settings.patience) as talk:
        match chosen.command:
            case "status":
                document = await status_of(talk, details=chosen.details)
                status = json.loads(document)
                return [json.dumps(status, indent=2)] if chosen.json else list(lines_of(status))
            case "story":
                story = json.loads(await story_of(talk, chosen.run, chosen.job))
                return [json.dumps(story, indent=2)] if chosen.json else list(story_lines(story))
            case "top":
                from rich.console import Console

                from maelstrom_admin.top import show

                await show(talk, Console())
            case "drain" | "undrain":
                await order(talk, [Drain(chosen.worker, on=chosen.command == "drain")])
                done = "gets nothing new" if chosen.command == "drain" else "gets jobs again"
                return [f"{chosen.worker} {done}"]
            case "cancel":
                status = json.loads(await status_of(talk, details=True))
                try:
                    session = session_of(status, chosen.client)
                except LookupError as error:
                    raise UsageError(str(error.args[0])) from None
                await order(talk, [CancelRun(session)])
                return [f"the jobs of {chosen.client} are being ended"]
            case _:
                await order(talk, [Stop()])
                return ["the broker stops"]
    return []


def schema() -> Schema:
    """Every setting there is."""
    common = COMMON(slots=usable_cpus(), store=store_directory(), state=state_directory())
    field = Field(
        name="broker",
        read=broker,
        default="auto",
        help="join string, a file with one, HOST:PORT, or auto: this user's on this machine",
    )
    waits = Field(
        name="patience",
        read=patience,
        default=_PATIENCE_SECONDS,
        help="seconds to wait for a broker's answer",
    )
    own = [one for one in common if one.name == "cluster-directory"]
    return Schema("maelstrom-admin", "MAELSTROM_ADMIN", (field, waits, *own))


def patience(value: object) -> float:
    """Seconds; without end it would be a hang."""
    found = seconds(value)
    if found is None:
        raise BadValue("a number of seconds such as 30 or 2m, and not 0")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="maelstrom-admin",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--version", action=Version, nargs=0, help="show program's version number and exit")
    text = "join string, a file with one, HOST:PORT, or auto (default): this user's on this machine"
    add("--broker", metavar="BROKER", help=text)
    text = f"how long to wait for the broker's answer (default: {_PATIENCE_SECONDS:g})"
    add("--patience", metavar="SECONDS", help=text)
    add(
        "--directory",
        dest="cluster_directory",
        metavar="DIRECTORY",
        help="of the cluster's keys, on the broker's machine",
    )
    text = "file of settings instead of the usual ones; - for none"
    add("-c", "--config-file", metavar="FILE", help=text)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, help_: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = commands.add_parser(
            name, help=help_, description=f"{help_.capitalize()}."
        )
        return made

    status = command("status", "workers, clients, what waits and why")
    status.add_argument("--json", action="store_true", help="as JSON, with all there is")
    status.add_argument("--details", action="store_true", help="name every kind of what waits")
    command("top", "the status, live, until Ctrl-C")
    story = command("story", "where time went, and why jobs ran where they did")
    story.add_argument("run", help="a client's name, or how its session begins; it may be over")
    text = "a job's name, the end of its name, or its number; all that is remembered if left out"
    story.add_argument("job", nargs="?", default="", help=text)
    story.add_argument("--json", action="store_true", help="as JSON, with all there is")
    for name, text in (
        ("drain", "give a worker nothing new; what runs there goes on"),
        ("undrain", "give a worker jobs again"),
    ):
        command(name, text).add_argument("worker", help="its name")
    text = "its name, or how its session begins"
    command("cancel", "end all jobs of a client").add_argument("client", help=text)
    command("stop", "stop the broker; workers stay and wait for one")
    _add_keys(command("keys", "who may join the cluster"))
    return parser


def _add_keys(keys: argparse.ArgumentParser) -> None:
    actions: Any = keys.add_subparsers(dest="action", required=True, metavar="ACTION")
    keys.set_defaults(address=None, public_key=None)
    actions.add_parser("make", help="make a cluster's keys, as a broker does that finds none")
    actions.add_parser("list", help="everybody who may join")
    for name, text in (
        ("invite", "let somebody join: prints a join string, which is shown this once"),
        ("revoke", "let somebody join no longer"),
        ("rotate", "give somebody a new key: prints the new join string"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("role", choices=("client", "worker", "admin"))
        action.add_argument("name", help="what people call them")
        if name != "revoke":
            text = "where others reach the broker (default: where it listens)"
            action.add_argument("--address", metavar="HOST:PORT", help=text)
        if name == "rotate":
            either = action.add_mutually_exclusive_group()
            text = "the old key holds as well, until --finish"
            either.add_argument("--overlap", action="store_true", help=text)
            text = "take the old key away, after --overlap"
            either.add_argument("--finish", action="store_true", help=text)
        if name == "invite":
            text = "a key that they have made themselves; then there is no join string"
            action.add_argument("--public-key", metavar="KEY", help=text)
    text = "give the broker a new key: all join strings are worth nothing from then on"
    actions.add_parser("rotate-broker", help=text)


if __name__ == "__main__":
    sys.exit(main())
