"""Settings of ``pytest -p maelstrom``."""

import os

import pytest

from maelstrom_core.hooks.manager import Plugins
from maelstrom_core.settings import COMMON, Field, Schema, Settings, load
from maelstrom_core.settings.host import state_directory, store_directory, usable_cpus
from maelstrom_core.settings.schema import one_of, size

OPTIONS = (
    "slots",
    "timeout",
    "root-size",
    "network",
    "store",
    "repeat",
    "retries",
    "stop-after",
    "fail-on-flaky",
)
"""Those that pytest's command line has, as ``--maelstrom-NAME``."""


def schema() -> Schema:
    """Every setting there is."""
    fields = COMMON(slots=usable_cpus(), store=store_directory(), state=state_directory())
    own = (
        Field(name="root-size", read=size, default="1GiB", help="how much a test may write"),
        Field(
            name="network",
            read=one_of("loopback", "disabled", "local"),
            default="loopback",
            help="what a test sees of the network",
        ),
    )
    return Schema("maelstrom-pytest", "MAELSTROM_PYTEST", (*fields, *own))


def read_settings(config: pytest.Config, plugins: Plugins) -> Settings:
    """The settings of a run.

    :param plugins: may declare some of their own
    :raises maelstrom_core.errors.UsageError: with all that is wrong with them
    """
    known = schema()
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
