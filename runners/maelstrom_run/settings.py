"""Settings of ``maelstrom-run``."""

import re
from collections.abc import Mapping

from maelstrom_core.settings import COMMON, Field, Schema
from maelstrom_core.settings.host import state_directory, store_directory, usable_cpus
from maelstrom_core.settings.schema import BadValue, one_of, size, text, whole_number

SHARED = (
    "slots",
    "store",
    "cache-size",
    "timeout",
    "interpreter",
    "insecure-registries",
    "labels",
    "broker",
    "cluster-only",
    "cluster-directory",
)
"""Of the settings that all programs share, those that mean something here."""
OPTIONS: Mapping[str, str] = {
    "slots": "N",
    "timeout": "SECONDS",
    "store": "DIRECTORY",
    "broker": "BROKER",
    "cluster-only": "true|false",
    "inline-limit": "SIZE",
    "read-ahead": "N",
    "output-directory": "DIRECTORY",
    "changes": "FORM",
    "escape-char": "KEY",
}
"""Those that the command line has, and what stands for their values."""


NO_CHANGES = "no"


def escape_character(value: object) -> bytes:
    """A key: a character, ``^`` and one, or ``\\x`` and two digits; ``none`` for no such key."""
    text = str(value)
    if text == "none":
        return b""
    if len(text) == 1 and text.isascii():
        return text.encode()
    if re.fullmatch(r"\^[?-_a-z]", text):
        return bytes([ord(text[1].upper()) ^ 0x40])
    if re.fullmatch(r"\\x[0-9a-fA-F]{2}", text):
        return bytes([int(text[2:], 16)])
    raise BadValue("one key, such as ^], a, or \\x1d; or none")


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
        Field(
            name="changes",
            read=one_of(NO_CHANGES, "tar", "directory"),
            default=NO_CHANGES,
            help="what jobs have written to their roots, as tar or directory beside those files",
        ),
        Field(
            name="escape-char",
            read=escape_character,
            default="^]",
            help="with --tty: the key that leads back; before ^C and ^Z, and twice for itself",
        ),
    )
    shared = [field for field in common if field.name in SHARED]
    return Schema("maelstrom-run", "MAELSTROM_RUN", (*shared, *own))
