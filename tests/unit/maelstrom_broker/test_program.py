"""Settings and log lines of the broker's program."""

from typing import Any

import pytest
from maelstrom_broker.log import Log
from maelstrom_broker.settings import away, listen, port, schema, window

from maelstrom_core.settings.schema import BadValue


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("127.0.0.1", ("127.0.0.1", 0)),
        ("broker.example:21000", ("broker.example", 21000)),
        ("[::1]", ("::1", 0)),
        ("[::1]:21000", ("::1", 21000)),
    ],
)
def test_where_to_listen(written: str, meant: tuple[str, int]) -> None:
    assert listen(written) == meant


@pytest.mark.parametrize(
    "written", ["", ":", ":21000", "host:", "host:x", "host:65536", "::1", "a b"]
)
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(BadValue):
        listen(written)


@pytest.mark.parametrize(
    ("read", "written"),
    [(window, 0), (window, 10**7), (port, 65536), (away, 0), (away, "0.5"), (away, "25h")],
)
def test_numbers_that_are_too_small_or_large_are_refused(read: Any, written: Any) -> None:
    with pytest.raises(BadValue):
        read(written)


def test_how_long_a_client_may_be_away_is_written_as_people_do() -> None:
    assert [away(written) for written in ("2m", "1.5s", 30, "24h")] == [120, 1.5, 30, 86_400]


def test_every_default_can_be_read() -> None:
    for field in schema():
        field.read(field.default)


def test_a_line_has_names_and_values_and_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log("info")
    log.say("debug", "not wanted")
    log.say("info", "worker came", {"name": "evil\nlevel=error event=no", "slots": 4})
    (line,) = capsys.readouterr().err.splitlines()
    assert "level=info" in line
    assert 'name="evil level=error event=no" slots=4' in line


def test_a_flood_is_cut_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    now = [5.0]
    log = Log("info", clock=lambda: now[0])
    for number in range(1000):
        log.say("warning", "refused", {"number": number})
    log.say("error", "this one is always said")
    now[0] = 6.0
    log.say("info", "later")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 203
    assert "count=800" in lines[-2]
