"""Settings of ``maelstrom-run``."""

from collections.abc import Mapping

from maelstrom_core.settings import COMMON, Field, Schema
from maelstrom_core.settings.host import state_directory, store_directory, usable_cpus
from maelstrom_core.settings.schema import size, text, whole_number

SHARED = ("slots", "store", "cache-size", "timeout", "interpreter", "template-memory")
"""Of the settings that all programs share, those that mean something here."""
OPTIONS: Mapping[str, str] = {
    "slots": "N",
    "timeout": "SECONDS",
    "store": "DIRECTORY",
    "inline-limit": "SIZE",
    "read-ahead": "N",
    "output-directory": "DIRECTORY",
}
"""Those that the command line has, and what stands for their values."""


def schema() -> Schema:
    """Every setting there is."""
    common = COMMON(slots=usable_cpus(), store=store_directory(), state=state_directory())
    own = (
        Field(
            name="inline-limit",
            read=size,
            default="1MB",
            help="how much is kept of each of a job's standard output and error",
        ),
        Field(
            name="read-ahead",
            read=whole_number,
            default=100,
            help="jobs that are read before the first of them has ended",
        ),
        Field(
            name="output-directory",
            read=text,
            default="maelstrom-output",
            help="where files go that jobs leave",
        ),
    )
    shared = [field for field in common if field.name in SHARED]
    return Schema("maelstrom-run", "MAELSTROM_RUN", (*shared, *own))
