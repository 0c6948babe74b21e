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
    always: tuple[Any, ...] = ()
    templates: Mapping[str, str] = attrs.field(factory=dict)
    writes: tuple[Path, ...] = ()


def _nothing(_: argparse.ArgumentParser) -> None:
    """Add no option."""


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
    :param add_options: adds options of its own; ``argparse`` puts them into what `prepare` is given
    :param fields: settings of its own
    :param looks: ways to show a run beside those that all runners have, by the name of ``--ui``
    :param binary_of: what the binary is called that a case is in, empty if it is in none; without it,
        there is nothing to be listed
    :param cannot: what the language of directives has and this runner has not, with the reason
    """

    runner: str
    program: str
    prefix: str
    description: str
    selectors: Selectors
    prepare: Callable[[argparse.Namespace, Settings], Prepared]
    add_options: Callable[[argparse.ArgumentParser], None] = _nothing
    fields: tuple[Field, ...] = ()
    looks: Mapping[str, Callable[[], Look]] = attrs.field(factory=dict)
    binary_of: Callable[[Case], str] | None = None
    cannot: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def file(self) -> str:
        """Name of its file of containers and directives, in the project directory."""
        return f"{self.program}.toml"
