"""Settings of ``pytest -p maelstrom``."""

import os
from typing import TYPE_CHECKING

import pytest

from maelstrom_core.settings import COMMON, Field, Schema, Settings, load
from maelstrom_core.settings.host import state_directory, store_directory, usable_cpus
from maelstrom_core.settings.schema import (
    LEAVE_OUT,
    NETWORK,
    ROOT_SIZE,
    BadValue,
    one_of,
    size,
    text,
)
from pytest_maelstrom.names import GROUPS, NO_GROUP

if TYPE_CHECKING:
    from maelstrom_core.hooks.manager import Plugins

OPTIONS = (
    "slots",
    "timeout",
    "root-size",
    "network",
    "isolation",
    "preload",
    "immortal",
    "group",
    "leave-out",
    "store",
    "broker",
    "cluster-only",
    "repeat",
    "retries",
    "stop-after",
    "fail-on-flaky",
    "slow-after",
    "leaky",
    "output",
    "output-size",
)
"""Those that pytest's command line has, as ``--maelstrom-NAME``."""

LARGEST_OUTPUT = 32 << 20
"""Files travel among reports, encoded in 4 bytes for 3; of those no more than 64 MiB are taken."""


def output_size(value: object) -> int:
    """A size that fits into what a container may report."""
    number = size(value)
    if number > LARGEST_OUTPUT:
        raise BadValue("at most 32MiB")
    return number


def schema() -> Schema:
    """Every setting there is."""
    fields = COMMON(slots=usable_cpus(), store=store_directory(), state=state_directory())
    own = (
        ROOT_SIZE,
        NETWORK,
        Field(
            name="isolation",
            read=one_of("template", "fresh"),
            default="template",
            help="whether tests are forks of a warm interpreter, or start interpreters of their own",
        ),
        Field(
            name="preload",
            read=one_of("learned", "off"),
            default="learned",
            help="whether a warm interpreter learns what tests import from site-packages, and does so",
        ),
        Field(
            name="immortal",
            read=one_of("code", "off"),
            default="off",
            help="whether tests count no references to functions, classes and modules (Python 3.12 on)",
        ),
        Field(
            name="group",
            read=one_of(*GROUPS),
            default=NO_GROUP,
            help="which tests share a container: those of a module, a class, an xdist_group",
        ),
        LEAVE_OUT,
        Field(
            name="output",
            read=text,
            default=None,
            help="directory for files that tests leave in $MAELSTROM_OUTPUT",
        ),
        Field(
            name="output-size",
            read=output_size,
            default="16MiB",
            help="how much a test may leave in $MAELSTROM_OUTPUT",
        ),
    )
    return Schema("maelstrom-pytest", "MAELSTROM_PYTEST", (*fields, *own))


def read_settings(config: pytest.Config, plugins: "Plugins | None") -> Settings:
    """The settings of a run.

    :param plugins: may declare some of their own; ``None`` where none is installed but ours
    :raises maelstrom_core.errors.UsageError: with all that is wrong with them
    """
    known = schema()
    if plugins is not None:
        plugins.options(known)
    given = {
        name: getattr(config.option, f"maelstrom_{name.replace('-', '_')}") for name in OPTIONS
    }
    return load(
        known,
        {name: value for name, value in given.items() if value is not None},
        environment=os.environ,
        config_file=config.option.maelstrom_config_file,
    )
