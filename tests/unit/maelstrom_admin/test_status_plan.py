"""What a broker knows, as people read it."""

import pytest
from maelstrom_admin.status_plan import lines_of, session_of, span

STATUS = {
    "boot": "ab12",
    "uptime_seconds": 3725,
    "workers": [
        {
            "name": "rack7",
            "used": 2,
            "slots": 32,
            "running": 2,
            "labels": ["gpu"],
            "connected": True,
            "last_seen_seconds": 0.4,
        },
        {"name": "old", "used": 0, "slots": 2, "running": 0, "draining": True, "connected": True},
    ],
    "clients": [
        {"name": "ann", "session": "aabbccdd" * 4, "queued": 5, "running": 2, "connected": True},
        {"name": "bob", "session": "aabbccee" * 4, "queued": 0, "running": 0, "connected": False},
        {"name": "bob", "session": "ffbbccee" * 4, "queued": 0, "running": 0, "connected": True},
    ],
    "totals": {"workers": 2, "slots": 34, "clients": 3, "running": 2, "queued": 5},
    "waiting": "all slots are taken",
    "recent": [{"lost": "a job", "why": "its workers died"}],
}


def test_a_status_as_lines() -> None:
    assert list(lines_of(STATUS)) == [
        "broker ab12, up 1 h 2 min: 2 workers with 34 slots, 3 clients, 2 running, 5 waiting",
        "they wait: all slots are taken",
        "",
        "worker  slots  running  labels  state     seen",
        "rack7   2/32   2        gpu     ready     0.4 s ago",
        "old     0/2    0        -       draining  ? ago",
        "",
        "client  session       waiting  running  done  share  state",
        "ann     aabbccddaabb  5        2                     connected",
        "bob     aabbcceeaabb  0        0                     connection lost",
        "bob     ffbbcceeffbb  0        0                     connected",
        "",
        "lately:",
        "  lost a job, why its workers died",
    ]


def test_a_status_without_anything_and_one_that_is_hostile() -> None:
    assert len(list(lines_of({}))) == 1
    (line,) = lines_of({"boot": "\x1b[2J", "totals": [], "workers": {}, "recent": "no"})
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "0.2 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3599, "59 min 59 s"),
        (7200, "2 h"),
        (90_000, "1 d 1 h"),
        (None, "?"),
    ],
)
def test_spans(seconds: object, text: str) -> None:
    assert span(seconds) == text


def test_whom_somebody_means() -> None:
    assert session_of(STATUS, "ann") == bytes.fromhex("aabbccdd" * 4)
    assert session_of(STATUS, "aabbccee") == bytes.fromhex("aabbccee" * 4)
    with pytest.raises(LookupError, match="2 clients are called bob"):
        session_of(STATUS, "bob")
    with pytest.raises(LookupError, match=r"no client is called eve; there are: ann \(aabbccdd"):
        session_of(STATUS, "eve")
    with pytest.raises(LookupError):
        session_of(STATUS, "aa")  # too short to be meant
