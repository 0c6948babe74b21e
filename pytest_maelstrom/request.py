"""What the inside of a container is told of the controlling process's pytest, as plain data."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import pytest

from maelstrom_core.model.container import Template
from pytest_maelstrom.environment_plan import INSIDE

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
    "usepdb": False,
    "trace": False,
    "collectonly": False,
    "basetemp": None,
    "numprocesses": None,
    "maxprocesses": None,
    "dist": "no",
    "tx": [],
    "distload": False,
    "looponfail": False,
    "setupshow": False,
}
"""What the controlling process does itself, or what has no meaning for one case."""


@attrs.frozen(slots=False)
class PytestRun:
    """One invocation of pytest, as its containers must know it.

    :param python: command that starts the interpreter, flags included
    :param arguments: files, directories and node ids that were asked for
    :param options: every option of pytest and its plugins, plain
    :param directory: where pytest was started
    :param preload: whether the template imports what cases have imported
    """

    python: tuple[str, ...]
    arguments: tuple[str, ...]
    options: Mapping[str, Any]
    sys_path: tuple[str, ...]
    argv: tuple[str, ...]
    directory: Path
    root: Path
    run_id: str
    preload: bool = True

    @classmethod
    def of(cls, config: pytest.Config, *, preload: bool = True) -> "PytestRun":
        """What a configuration says."""
        options = {name: encoded(value) for name, value in vars(config.option).items()}
        options = {name: value for name, value in options.items() if value is not UNKNOWN}
        options |= {name: value for name, value in _OURS.items() if name in options}
        # Arguments are arguments inside; argparse complains of values that are there before.
        options.pop("file_or_dir", None)
        plugins = [name for name in options.get("plugins", []) if name != "maelstrom"]
        options["plugins"] = [*plugins, "no:terminal"]
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
            run_id=uuid.uuid4().hex,
            preload=preload,
        )

    def to_collect(self) -> bytes:
        """The request that collects."""
        return self._encoded("collect", list(self.arguments), self.options)

    def to_be_template(self) -> bytes:
        """The request that collects, and is then forked for each case."""
        return self._encoded("template", list(self.arguments), self.options, self.preload)

    @staticmethod
    def to_fork(case: str, occurrence: int, output_bytes: int) -> bytes:
        """The request to a fork of the template."""
        request = {"case": case, "occurrence": occurrence, "output_bytes": output_bytes}
        return json.dumps(request).encode()

    def to_run(self, case: str, occurrence: int, submodules: str, output_bytes: int) -> bytes:
        """The request that runs one case.

        :param submodules: what was loaded when all cases were collected, as JSON: it is long, and
            the same for all of them
        :param output_bytes: how much it may leave in ``$MAELSTROM_OUTPUT``
        """
        own = {
            "arguments": self._where(case.partition("::")[0]),
            "case": case,
            "occurrence": occurrence,
            "output_bytes": output_bytes,
        }
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
        self, kind: str, arguments: list[str], options: Mapping[str, Any], preload: bool = False
    ) -> bytes:
        request = {
            "kind": kind,
            "arguments": arguments,
            "options": options,
            "sys_path": self.sys_path,
            "argv": self.argv,
            "run_id": self.run_id,
            "worker_id": "maelstrom",
            "preload": preload,
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
