"""Settings of ``maelstrom-worker``."""

import socket
from collections.abc import Mapping

from maelstrom_core.settings import COMMON, Field, Schema
from maelstrom_core.settings.host import (
    state_directory,
    store_directory,
    usable_cpus,
)
from maelstrom_core.settings.schema import BadValue, broker, names, one_of, seconds, text
from maelstrom_core.wire.rows import MOST_SLOTS

SHARED = (
    "slots",
    "store",
    "cache-size",
    "template-memory",
    "interpreter",
    "cluster-directory",
)
"""Of the settings that all programs share, those that mean something here."""
OPTIONS: Mapping[str, str] = {
    "broker": "BROKER",
    "name": "NAME",
    "slots": "N",
    "labels": "LABELS",
    "store": "DIRECTORY",
    "grace": "SECONDS",
    "log-level": "LEVEL",
}
"""Those that the command line has, and what stands for their values."""
LEVELS = ("debug", "info", "warning", "error")
MOST_LABELS = 64
_LONGEST = 255


def slots(value: object) -> int:
    """A number of slots that a broker can count."""
    try:
        number = int(str(value))
    except ValueError:
        raise BadValue("a whole number") from None
    if isinstance(value, bool) or not 1 <= number <= MOST_SLOTS:
        raise BadValue(f"from 1 to {MOST_SLOTS}")
    return number


def name(value: object) -> str:
    """A name for people."""
    found = text(value)
    if not found or len(found) > _LONGEST or not found.isprintable():
        raise BadValue(f"1 to {_LONGEST} printable characters")
    return found


def labels(value: object) -> tuple[str, ...]:
    """What jobs may ask for."""
    found = names(value)
    if len(found) > MOST_LABELS:
        raise BadValue(f"at most {MOST_LABELS} labels")
    return tuple(map(name, dict.fromkeys(found)))


def schema() -> Schema:
    """Every setting there is."""
    common = COMMON(slots=usable_cpus(), store=store_directory(), state=state_directory())
    own = (
        Field(
            name="broker",
            read=broker,
            default="auto",
            help="join string, a file with one, HOST:PORT, or auto: this user's on this machine",
        ),
        Field(
            name="name",
            read=name,
            default=socket.gethostname() or "worker",
            help="what people call this worker; two workers have two names",
        ),
        Field(name="labels", read=labels, default="", help="what jobs may ask for, with commas"),
        Field(
            name="grace",
            read=seconds,
            default=30,
            help="seconds that running jobs get when the worker is told to stop",
        ),
        Field(
            name="log-level",
            read=one_of(*LEVELS),
            default="info",
            help="what is written to standard error: debug, info, warning or error",
        ),
    )
    shared = [
        Field(name=one.name, read=slots, default=one.default, help=one.help)
        if one.name == "slots"
        else one
        for one in common
        if one.name in SHARED
    ]
    return Schema("maelstrom-worker", "MAELSTROM_WORKER", (*shared, *own))
