"""What the inside of a container is told of the controlling process's pytest, as plain data."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from maelstrom_core.model.container import Template
from pytest_maelstrom.carried import wanted
from pytest_maelstrom.environment_plan import INSIDE

if TYPE_CHECKING:
    from maelstrom_core.testrun.history import History

_RUN_ID = pytest.StashKey[str]()
IMAGES_PYTHON = "python3"
"""Looked up in the image's ``PATH``."""
_SELECTING: dict[str, Any] = {
    "keyword": "",
    "markexpr": "",
    "deselect": None,
    "lf": False,
    "last_failed_no_failures": "all",
    "failedfirst": False,
    "newfirst": False,
    "stepwise": False,
    "stepwise_skip": False,
    "stepwise_reset": False,
    "cacheclear": False,
    "maxfail": 0,
}
"""What decides which cases run; decided when they were collected."""
_OURS: dict[str, Any] = {
    "collectonly": False,
    "basetemp": None,
    "numprocesses": None,
    "maxprocesses": None,
    "dist": "no",
    "tx": [],
    "distload": False,
    "looponfail": False,
    # There is nothing in a container that pytest-cov would have to delete first.
    "cov_append": True,
    "log_file": os.devnull,
}
"""What the controlling process does itself, or what has no meaning for one case."""

Address = tuple[str, int]
"""A node id, and how many cases of that id were collected before it."""


def learned_so_far(history: "History") -> Mapping[str, Any]:
    """What cases have imported in earlier runs, as a template is told of it."""
    return {
        "modules": {name: list(cases) for name, cases in history.loads().items()},
        "refused": list(history.not_to_be_loaded()),
    }


WORKER_ID = "gw0"
"""Of pytest-xdist's names of workers the first: suites take their number out of it."""


@attrs.frozen(slots=False)
class PytestRun:
    """One invocation of pytest, as its containers must know it.

    :param python: command that starts the interpreter, flags included
    :param arguments: files, directories and node ids that were asked for
    :param options: every option of pytest and its plugins, plain
    :param directory: where pytest was started
    :param preload: what cases have imported in earlier runs, as the template is told of it; ``None``
        if nothing of it is wanted
    :param immortal: whether forks of a template count no references to what code is made of
    :param measures_itself: whether coverage starts with the interpreter, because of us alone
    :param carried: what the inside must carry to plugins of the controlling process
    :param own_path: the interpreter's own ``sys.path`` stays, behind this one
    """

    python: tuple[str, ...]
    arguments: tuple[str, ...]
    options: Mapping[str, Any]
    sys_path: tuple[str, ...]
    argv: tuple[str, ...]
    directory: Path
    root: Path
    run_id: str
    preload: Mapping[str, Any] | None = None
    immortal: bool = False
    measures_itself: bool = False
    carried: Mapping[str, Any] = attrs.field(factory=dict)
    own_path: bool = False

    @classmethod
    def of(
        cls,
        config: pytest.Config,
        *,
        preload: Mapping[str, Any] | None = None,
        immortal: bool = False,
        measures_itself: bool = False,
    ) -> "PytestRun":
        """What a configuration says."""
        options = {name: encoded(value) for name, value in vars(config.option).items()}
        options = {name: value for name, value in options.items() if value is not UNKNOWN}
        options |= {name: value for name, value in _OURS.items() if name in options}
        # Arguments are arguments inside; argparse complains of values that are there before.
        options.pop("file_or_dir", None)
        plugins = [name for name in options.get("plugins", []) if name != "maelstrom"]
        options["plugins"] = plugins
        options["rootdir"] = str(config.rootpath)
        options["inifilename"] = str(config.inipath) if config.inipath else None
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        return cls(
            python=(sys.executable, *flags),
            arguments=tuple(config.args),
            options=options,
            sys_path=tuple(sys.path),
            argv=tuple(sys.argv),
            directory=config.invocation_params.dir,
            root=config.rootpath,
            run_id=config.stash.setdefault(_RUN_ID, uuid.uuid4().hex),
            preload=preload,
            immortal=immortal,
            measures_itself=measures_itself,
            carried=wanted(config),
        )

    def in_images(self, project: str, trees: Sequence[str]) -> "PytestRun":
        """The same for an interpreter of an image, with packages of its own.

        :param project: all that can be imported from below it still can
        :param trees: of the host, parts of the project among them; those are not in images
        """

        def is_in_images(path: str) -> bool:
            real = os.path.realpath(path) if path else ""
            inside = real == project or real.startswith(project + "/")
            return inside and not any(real == one or real.startswith(one + "/") for one in trees)

        return attrs.evolve(
            self,
            # The flag for a safe path is not known to every interpreter, and its path is its own.
            python=(IMAGES_PYTHON, *(flag for flag in self.python[1:] if flag != "-P")),
            sys_path=tuple(path for path in self.sys_path if is_in_images(path)),
            own_path=True,
            measures_itself=False,
        )

    def to_collect(self) -> bytes:
        """The request that collects."""
        return self._encoded("collect", list(self.arguments), self.options)

    def to_be_template(self) -> bytes:
        """The request that collects, and is then forked for each case."""
        return self._encoded("template", list(self.arguments), self.options, self.preload)

    @staticmethod
    def to_fork(cases: "list[Address]", output_bytes: int, *, keep: bool = False) -> bytes:
        """The request to a fork of the template.

        :param keep: whether it stays if a case fails
        """
        request = {"cases": cases, "output_bytes": output_bytes}
        return json.dumps({**request, "keep": True} if keep else request).encode()

    def to_run(
        self, cases: "list[Address]", submodules: str, output_bytes: int, *, keep: bool = False
    ) -> bytes:
        """The request that runs a case, or some that share a container.

        :param submodules: what was loaded when all cases were collected, as JSON: it is long, and
            the same for all of them
        :param output_bytes: how much each may leave in ``$MAELSTROM_OUTPUT``
        :param keep: whether it stays if a case fails
        """
        files = dict.fromkeys(node_id.partition("::")[0] for node_id, _ in cases)
        paths = list(dict.fromkeys(path for file in files for path in self._where(file)))
        own = {"arguments": paths, "cases": cases, "output_bytes": output_bytes, "keep": keep}
        shared = b', "submodules": ' + submodules.encode() + b", "
        return self._common_to_all_cases[:-1] + shared + json.dumps(own).encode()[1:]

    def _where(self, file: str) -> list[str]:
        """Arguments from which a case is collected again: its file, if that can be told by its id.

        Ids of files that lie outside the root directory begin wherever an argument has led pytest;
        only all arguments lead there again, and they count cases of one id as before.
        """
        path = os.path.normpath(self.root / file)
        return [path] if os.path.isfile(path) else list(self.arguments)

    @cached_property
    def _common_to_all_cases(self) -> bytes:
        """Of the request that runs one case: written once, for it is long."""
        options = {**self.options, **{k: v for k, v in _SELECTING.items() if k in self.options}}
        return self._encoded("run", [], options)

    def _encoded(
        self,
        kind: str,
        arguments: list[str],
        options: Mapping[str, Any],
        preload: Mapping[str, Any] | None = None,
    ) -> bytes:
        request = {
            "kind": kind,
            "arguments": arguments,
            "options": options,
            "sys_path": self.sys_path,
            "argv": self.argv,
            "run_id": self.run_id,
            "worker_id": WORKER_ID,
            "preload": preload,
            "immortal": self.immortal,
            "measures_itself": self.measures_itself,
            "carried": self.carried,
            "own_path": self.own_path,
        }
        return json.dumps(request).encode()

    @property
    def template(self) -> Template:
        """What cases can be forks of."""
        return Template(
            program=self.program, arguments=self.program_arguments, stdin=self.to_be_template()
        )

    @property
    def program(self) -> str:
        """The interpreter."""
        return self.python[0]

    @property
    def program_arguments(self) -> tuple[str, ...]:
        """Its flags and our part that runs inside."""
        return (*self.python[1:], f"{INSIDE}/pytest_maelstrom/inside/main.py")


UNKNOWN = object()
"""Stands for a value that cannot travel; inside, the option then has its default."""


def encoded(value: Any) -> Any:
    """A value as JSON can have it; paths are marked, objects of plugins are `UNKNOWN`."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, os.PathLike):
        return {"__path__": os.fspath(value)}
    if isinstance(value, list | tuple | set | frozenset):
        items = [encoded(item) for item in value]
        return UNKNOWN if any(item is UNKNOWN for item in items) else items
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        inner = {key: encoded(item) for key, item in value.items()}
        return UNKNOWN if any(item is UNKNOWN for item in inner.values()) else inner
    return UNKNOWN
