"""What a runner says of its program."""

import argparse
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import attrs

from maelstrom_core.filters import Selectors
from maelstrom_core.model.cases import Case
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.program.look import Look
from maelstrom_core.settings import Field, Settings


def in_the_same_directory(case: Case, changed: Collection[str]) -> bool:
    """Whether a file has changed in the directory of a case's own file."""
    directory = os.path.dirname(case.file)
    return bool(case.file) and any(os.path.dirname(path) == directory for path in changed)


@attrs.frozen(kw_only=True)
class Prepared:
    """What a runner has made of one command line.

    :param project: what relative paths in layers are relative to, and where its file of directives is
    :param container: the container of cases of which no directive says anything
    :param options: for its own hooks, in `RunView.options`
    :param touched: whether files have changed that a case depends on, as far as that is known; their
        paths are relative to the project
    :param frame: what goes with every image in which cases run; ``None``: they cannot run in images
    :param always: layers without which a case cannot be run, whatever directives say
    :param templates: what ``<name>`` stands for in layers of its file of directives, besides
        ``<project-dir>``
    :param writes: files and directories that a run writes itself, such as a profile of coverage: they
        do not wake ``--watch``
    """

    project: Path
    container: ContainerSpec
    options: Mapping[str, Any] = attrs.field(factory=dict)
    touched: Callable[[Case, Collection[str]], bool] = in_the_same_directory
    frame: ContainerSpec | None = None
    always: tuple[Any, ...] = ()
    templates: Mapping[str, str] = attrs.field(factory=dict)
    writes: tuple[Path, ...] = ()


def _nothing(_: argparse.ArgumentParser) -> None:
    """Add no option."""


def _nothing_yet(_: argparse.Namespace, __: Settings) -> None:
    """Begin nothing."""


@attrs.frozen(kw_only=True)
class RunnerProgram:
    """A program that runs the tests of one runner.

    :param runner: name by which the runner's hooks know whose turn it is
    :param program: its name, and that of its directory of settings
    :param prefix: of its environment variables
    :param description: what ``--help`` begins with: what it does, and a few examples
    :param selectors: what filters may ask of its cases
    :param prepare: looks around, when the command line is known; may raise
        `maelstrom_core.errors.MaelstromError`
    :param begin: called before `prepare`, when most of this program is not loaded yet: tools that take
        long may be started, and work meanwhile; what goes wrong is for `prepare` to say
    :param add_options: adds options of its own; ``argparse`` puts them into what `prepare` is given
    :param fields: settings of its own
    :param looks: ways to show a run beside those that all runners have, by the name of ``--ui``
    :param cannot: what the language of directives has and this runner has not, with the reason
    :param modules: what only a run needs: imported after `begin`, with all else that can wait
    """

    runner: str
    program: str
    prefix: str
    description: str
    selectors: Selectors
    prepare: Callable[[argparse.Namespace, Settings], Prepared]
    begin: Callable[[argparse.Namespace, Settings], None] = _nothing_yet
    add_options: Callable[[argparse.ArgumentParser], None] = _nothing
    fields: tuple[Field, ...] = ()
    looks: Mapping[str, Callable[[], Look]] = attrs.field(factory=dict)
    cannot: Mapping[str, str] = attrs.field(factory=dict)
    modules: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Name of its file of containers and directives, in the project directory."""
        return f"{self.program}.toml"
