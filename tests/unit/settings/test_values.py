"""Values of settings: what people write, and what each setting cannot be."""

from collections.abc import Callable

import pytest

from maelstrom_core.errors import InputError
from maelstrom_core.settings import COMMON, Field, Schema, load
from maelstrom_core.settings.schema import (
    BadValue,
    one_of,
    patterns_below,
    seconds,
    size,
    size_or_share,
    text,
    whole_number,
    yes_or_no,
)

FIELDS = COMMON(slots=1, store="/default/store", state="/default/state")


@pytest.mark.parametrize(
    ("read", "written", "value"),
    [
        (size, 0, 0),
        (size, 4096, 4096),
        (size, "64MiB", 64 * 1024**2),
        (size, "64 mib", 64 * 1024**2),
        (size, "1.5 GB", 1_500_000_000),
        (size, "2k", 2000),
        (size, "3TiB", 3 * 1024**4),
        (size_or_share, "2GiB", 2 * 1024**3),
        (size_or_share, 0, 0),
        (size_or_share, "25%", 0.25),
        (size_or_share, " 12.5 %", 0.125),
        (size_or_share, "100%", 1.0),
        (size, "7b", 7),
        # A float would lose a byte of each.
        (size, "1.001kB", 1001),
        (size, "9007199254740993", 9007199254740993),
        (seconds, 30, 30.0),
        (seconds, "30", 30.0),
        (seconds, "1.5s", 1.5),
        (seconds, "2m", 120.0),
        (seconds, "1 h", 3600.0),
        (seconds, "0", None),
        (seconds, "0m", None),
        (yes_or_no, False, False),
        (yes_or_no, "True", True),
        (whole_number, "12", 12),
        (patterns_below, "", ()),
        (patterns_below, "./data/, **/*.mp4", ("data", "**/*.mp4")),
        (patterns_below, ["a,b"], ("a,b",)),
    ],
)
def test_a_value_is_read_as_people_write_it(
    read: Callable[[object], object], written: object, value: object
) -> None:
    assert read(written) == value


@pytest.mark.parametrize(
    ("read", "written"),
    [
        *((size_or_share, bad) for bad in ("", "%", "-1%", "101%", "a%", "1e1%", True, None)),
        *((size, bad) for bad in ("", "MiB", "-1", "1 2", "1e3", "0x10", True, None, float("inf"))),
        *((seconds, bad) for bad in ("", "m", "-1s", "1d", "1h30m", "nan", True, None)),
        *((yes_or_no, bad) for bad in ("yes", 1, "", None)),
        *((whole_number, bad) for bad in ("", "1.5", 2.0, -1, True, None)),
        *((text, bad) for bad in (1, True, None, ["a"])),
        *((patterns_below, bad) for bad in ("/a", "a,/b", "~", "../a", ".", "./", 1, [1], None)),
        *((one_of("a", "b"), bad) for bad in ("c", "A", "", ["a"], None)),
    ],
)
def test_what_a_setting_cannot_be_is_refused(
    read: Callable[[object], object], written: object
) -> None:
    with pytest.raises(BadValue):
        read(written)


# What programs rely on


def test_a_setting_need_not_have_a_default() -> None:
    field = Field(name="broker", read=text, default=None, help="address")
    settings = load(Schema("demo", "DEMO", [field]), {}, environment={}, config_file="-")
    assert (settings.broker, settings.origin("broker")) == (None, "default")


def test_a_default_that_its_own_setting_refuses_is_a_fault() -> None:
    field = Field(name="broker", read=text, default=1, help="address")
    with pytest.raises(InputError, match="default: broker: 1 must be a text"):
        load(Schema("demo", "DEMO", [field]), {}, environment={}, config_file="-")


def test_a_setting_cannot_be_declared_twice() -> None:
    with pytest.raises(ValueError, match="slots is declared twice"):
        Schema("demo", "DEMO", [FIELDS[0], FIELDS[0]])
