"""The program ``maelstrom``: look at this host, at a planned container, at store and images."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import attrs

from maelstrom_core.container.blueprint import Blueprint
from maelstrom_core.container.control_groups import as_offered
from maelstrom_core.container.doctor import exit_code, render
from maelstrom_core.container.explain import explain
from maelstrom_core.container.facts import slot_facts
from maelstrom_core.container.plan import blueprint_of
from maelstrom_core.container.probe import probe
from maelstrom_core.errors import MaelstromError
from maelstrom_core.model.container import Container
from maelstrom_core.settings import COMMON, Schema, Settings, load
from maelstrom_core.settings.host import state_directory, store_directory, usable_cpus
from maelstrom_core.spec.job import document_shape
from maelstrom_core.spec.json_schema import schema
from maelstrom_core.store import Store
from maelstrom_core.testrun.directives import shape as directives_shape

_DESCRIPTION = """\
Look after what `pytest -p maelstrom` and its like need on this machine.

  maelstrom doctor          can this machine run containers? if not, why, and what to do
  maelstrom explain         every step that makes a container, before there is one
  maelstrom schema          what a file of jobs or directives may be, as JSON Schema for editors
  maelstrom store           how large the store is; `prune` and `verify` it
  maelstrom image           images: `pull`, `list`, `inspect`, `update`, `remove`
"""

_SCHEMAS: Mapping[str, Callable[[], object]] = {
    "maelstrom-run": lambda: schema(
        document_shape(), title="Jobs for maelstrom-run: a TOML file, or an object of its stream"
    ),
    "maelstrom-pytest": lambda: schema(
        directives_shape(), title="Containers and directives: maelstrom-pytest.toml"
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit status."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        code = _answer(parser, chosen)
        # What is still buffered meets a reader who has gone here, where that is no error.
        sys.stdout.flush()
        return code
    except MaelstromError as error:
        print(f"maelstrom: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has had enough (`maelstrom explain | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _answer(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    if chosen.print_config:
        print(_settings(None).described())
        return 0
    match chosen.command:
        case "doctor":
            return _doctor(as_json=chosen.json)
        case "explain":
            return _explain(writable=chosen.writable)
        case "schema":
            print(json.dumps(_SCHEMAS[chosen.file](), indent=1))
            return 0
        case "store":
            return _store(chosen.action, chosen.store)
        case "image":
            return _image(chosen.action, chosen.names, chosen.store)
        case _:
            parser.print_help()
            return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="maelstrom",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version("pytest-maelstrom"))
    parser.add_argument(
        "--print-config", action="store_true", help="every setting and where its value comes from"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    doctor = commands.add_parser("doctor", help="can this machine run containers?")
    doctor.add_argument("--json", action="store_true", help="for programs")
    explained = commands.add_parser("explain", help="every step that makes a container")
    explained.add_argument("--writable", action="store_true", help="with a writable root")
    text = "what a file may be, as JSON Schema"
    commands.add_parser("schema", help=text).add_argument("file", choices=sorted(_SCHEMAS))
    store = commands.add_parser("store", help="size of the store; prune or verify it")
    store.add_argument("action", nargs="?", choices=("size", "prune", "verify"), default="size")
    store.add_argument("--store", metavar="DIRECTORY", help="which store")
    image = commands.add_parser("image", help="pull, list, inspect, update, remove images")
    image.add_argument("action", choices=("pull", "list", "inspect", "update", "remove"))
    image.add_argument("names", nargs="*", metavar="IMAGE", help="docker://NAME, oci:PATH, …")
    image.add_argument("--store", metavar="DIRECTORY", help="which store")
    return parser


def _doctor(*, as_json: bool) -> int:
    findings = probe()
    if as_json:
        print(json.dumps([attrs.asdict(finding) for finding in findings], indent=2))
    else:
        print("\n".join(render(findings)))
    return exit_code(findings)


def _explain(*, writable: bool) -> int:
    container = Container()
    if writable:
        container = attrs.evolve(container, root=attrs.evolve(container.root, writable=True))
    blueprint: Blueprint = blueprint_of(container, lowers=["LAYER"])
    print("\n".join(explain(as_offered(blueprint), slot_facts())))
    return 0


def _settings(store: str | None) -> Settings:
    fields = COMMON(slots=usable_cpus(), store=store_directory(), state=state_directory())
    given = {} if store is None else {"store": store}
    return load(Schema("maelstrom", "MAELSTROM", fields), given, environment=os.environ)


def _store(action: str, directory: str | None) -> int:
    settings = _settings(directory)
    with Store.open(Path(settings.store), limit_bytes=settings.cache_size) as store:
        if action == "prune":
            print(f"{store.evict(0)} layers removed from {store.directory}")
        elif action == "verify":
            faults = store.verify()
            print("\n".join(faults) or f"{store.directory} is sound")
            return 1 if faults else 0
        else:
            used, limit = store.size_bytes() / 1e9, store.limit_bytes / 1e9
            print(f"{store.directory}: {used:.2f} of {limit:.0f} GB")
    return 0


def _image(action: str, names: Sequence[str], directory: str | None) -> int:
    # Few calls of this program need what speaks with registries.
    from maelstrom_core.images import commands

    settings = _settings(directory)
    insecure = frozenset(settings.insecure_registries)
    with Store.open(Path(settings.store), limit_bytes=settings.cache_size) as store:
        return commands.run(action, names, store=store, insecure=insecure)


if __name__ == "__main__":
    sys.exit(main())
