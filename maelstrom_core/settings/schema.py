"""What settings there are: names, kinds, defaults, words about them. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs

_UNITS = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgt", start=1):
    _UNITS |= {f"{_letter}b": 1000**_power, f"{_letter}ib": 1024**_power, _letter: 1000**_power}


class BadValue(ValueError):
    """A value that a setting cannot have; the message finishes "must be …"."""


def whole_number(value: object) -> int:
    """A number of at least 1."""
    try:
        number = int(str(value))
    except ValueError:
        raise BadValue("a whole number") from None
    if number < 1 or isinstance(value, bool):
        raise BadValue("at least 1")
    return number


def count(value: object) -> int:
    """A number of at least 0."""
    try:
        number = int(str(value))
    except ValueError:
        raise BadValue("a whole number") from None
    if number < 0 or isinstance(value, bool):
        raise BadValue("at least 0")
    return number


def limit(value: object) -> int | None:
    """A number; 0 means no limit."""
    return count(value) or None


def size(value: object) -> int:
    """Bytes: a number, or one with a unit (``64MiB``, ``1.5 GB``)."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", str(value))
    if match is None or match[2].lower() not in _UNITS or isinstance(value, bool):
        raise BadValue("a size such as 64MiB or 1GB")
    whole, _, part = match[1].partition(".")
    digits: int = 10 ** len(part)
    return int(whole + part) * _UNITS[match[2].lower()] // digits


def size_or_share(value: object) -> int | float:
    """Bytes, as `size` reads them; or a part of what there is (``25%``), as a float up to 1."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", str(value))
    try:
        if match is None:
            return size(value)
    except BadValue:
        raise BadValue("a size such as 2GiB, or a share such as 25%") from None
    share = float(match[1]) / 100
    if share > 1:
        raise BadValue("at most 100%")
    return share


def seconds(value: object) -> float | None:
    """Seconds: a number, or one with ``s``, ``m`` or ``h``; 0 means no limit."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|h|)\s*", str(value))
    if match is None or isinstance(value, bool):
        raise BadValue("a number of seconds such as 30 or 2m")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] or None


def yes_or_no(value: object) -> bool:
    """``true`` or ``false``."""
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise BadValue("true or false")


def text(value: object) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise BadValue("a text")
    return value


def names(value: object) -> tuple[str, ...]:
    """A list of texts, or one text with commas between them."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    if not isinstance(value, str):
        raise BadValue("a list of texts, or a text with commas in between")
    return tuple(one.strip() for one in value.split(",") if one.strip())


def patterns_below(value: object) -> tuple[str, ...]:
    """Patterns of files below a directory: a list of texts, or one text with commas between them."""
    found = names(value)
    if any(one.startswith(("/", "~", "../")) or not one.strip("./") for one in found):
        raise BadValue("patterns below the project's directory, such as data or **/*.mp4")
    return tuple(one.removeprefix("./").rstrip("/") for one in found)


LABEL_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._/=-]*$"


def label(value: object) -> str:
    """A label: a word by which machines are chosen for jobs."""
    if not isinstance(value, str) or re.fullmatch(LABEL_PATTERN[:-1], value) is None:
        raise BadValue("a label of letters, digits and . _ / = -, such as gpu or region=eu")
    return value


def labels(value: object) -> tuple[str, ...]:
    """Labels, each once: a list of texts, or one text with commas between them."""
    return tuple(sorted({label(one) for one in names(value)}))


def one_of(*choices: str) -> Callable[[object], str]:
    """One of some words."""

    def read(value: object) -> str:
        if value not in choices:
            raise BadValue(f"one of {', '.join(choices)}")
        return str(value)

    return read


@attrs.frozen(kw_only=True)
class Field:
    """One setting.

    :param name: as in files and on the command line (``root-size``)
    :param read: turns what was written into a value; raises `BadValue`
    :param default: as it would be written; ``None`` for none
    :param help: one line
    """

    name: str
    read: Callable[[object], Any]
    default: object
    help: str

    @property
    def attribute(self) -> str:
        """Its name in Python."""
        return self.name.replace("-", "_")


ROOT_SIZE = Field(name="root-size", read=size, default="1GiB", help="how much a test may write")
NETWORK = Field(
    name="network",
    read=one_of("loopback", "disabled", "local"),
    default="loopback",
    help="what a test sees of the network",
)
LEAVE_OUT = Field(
    name="leave-out",
    read=patterns_below,
    default="",
    help="files and directories of the project of which tests get no copy, such as data,**/*.mp4",
)
"""These three are of every program whose tests see the environment that you have."""


class Schema:
    """All settings of one program.

    :param program: as in ``$XDG_CONFIG_HOME/maelstrom/PROGRAM/config.toml``
    :param prefix: of its environment variables (``MAELSTROM_PYTEST``)
    """

    def __init__(self, program: str, prefix: str, fields: Iterable[Field] = ()) -> None:
        self.program = program
        self.prefix = prefix
        self._fields: dict[str, Field] = {}
        for field in fields:
            self.add(field)

    def add(self, field: Field) -> None:
        """Declare a setting.

        :raises ValueError: if there is one of that name
        """
        if field.name in self._fields:
            raise ValueError(f"setting {field.name} is declared twice")
        self._fields[field.name] = field

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields.values())

    def names(self) -> list[str]:
        """Names of all settings."""
        return list(self._fields)


class BrokerName(str):
    """How a broker is named; shown without the secret key that may be in it."""

    @property
    def without_secret(self) -> str:
        """All of a join string but its last parts."""
        fields = self.split("/")
        if not self.lstrip().startswith("maelstrom-join-"):
            return str(self)
        return "/".join([*fields[:4], "…"]) if len(fields) > 4 else "maelstrom-join-…"

    def __repr__(self) -> str:
        """The same, between quotation marks."""
        return repr(self.without_secret)


def broker(value: object) -> str:
    """A broker, or none."""
    return BrokerName(text(value).strip())


def cluster(*, state: str) -> tuple[Field, ...]:
    """Settings of all that join a cluster to run jobs on it.

    :param state: default directory of what is remembered
    """
    return (
        Field(
            name="broker",
            read=broker,
            default="",
            help="run jobs on a cluster: a join string, a file with one, HOST:PORT, or auto",
        ),
        Field(
            name="cluster-only",
            read=yes_or_no,
            default=False,
            help="whether nothing runs on this machine that the cluster can run",
        ),
        cluster_directory(state),
    )


def cluster_directory(state: str) -> Field:
    """Where keys are that nobody has to name."""
    return Field(
        name="cluster-directory",
        read=text,
        default=f"{state}/cluster",
        help="where this user's keys of a cluster on this machine are",
    )


def common(*, slots: int, store: str, state: str) -> tuple[Field, ...]:
    """Settings that all clients share.

    :param slots: default, from the host
    :param store: default directory
    :param state: default directory
    """
    return (
        Field(name="slots", read=whole_number, default=slots, help="jobs that run at once"),
        Field(name="store", read=text, default=store, help="directory in which layers are kept"),
        Field(name="cache-size", read=size, default="20GB", help="how large the store may grow"),
        Field(
            name="insecure-registries",
            read=names,
            default="",
            help="hosts of images that may speak without TLS, or whose certificates nobody knows",
        ),
        Field(name="state", read=text, default=state, help="directory of what runs remember"),
        *cluster(state=state),
        Field(
            name="shared-history",
            read=text,
            default="auto",
            help="name under which a cluster's clients share durations and failures of tests; auto: "
            "where the project was cloned from, or its directory's name; off: they do not",
        ),
        Field(
            name="labels",
            read=labels,
            default="",
            help="labels that this machine has: what asks for others is not run here",
        ),
        Field(
            name="template-memory",
            read=size_or_share,
            default="25%",
            help="what idle warm templates may take, or a share of the memory that is available",
        ),
        Field(name="timeout", read=seconds, default=0, help="seconds a job may run; 0: no limit"),
        Field(
            name="interpreter",
            read=one_of("auto", "stub", "python"),
            default="auto",
            help="who performs scripts of system calls; auto: machine code where it can be used",
        ),
        Field(name="repeat", read=whole_number, default=1, help="times that each test is run"),
        Field(name="retries", read=count, default=0, help="times that a failed test is run again"),
        Field(name="stop-after", read=limit, default=0, help="failures that end a run; 0: never"),
        Field(
            name="fail-on-flaky",
            read=yes_or_no,
            default=False,
            help="whether a test that passes only when run again counts as a failure",
        ),
        Field(
            name="slow-after",
            read=seconds,
            default=60,
            help="seconds after which a test is told of as slow while it runs; 0: never",
        ),
        Field(
            name="leaky",
            read=one_of("mark", "fail", "ignore"),
            default="mark",
            help="what becomes of a test that leaves processes running when it has ended",
        ),
    )


COMMON = common
