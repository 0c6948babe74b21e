"""Cases, runs, output and history on the page: parts that are pure."""

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maelstrom_broker.records import Client, Container, Job, Wants
from maelstrom_broker.stories_state import Run, Story
from maelstrom_broker.tries_state import Arrival, Why
from maelstrom_broker.web.cases_plan import case_sections, overview, run_sections
from maelstrom_broker.web.chart_plan import HEIGHT, WIDTH, Column, columns, stack
from maelstrom_broker.web.history_state import PIECE_SECONDS, PIECES, Day
from maelstrom_broker.web.past_plan import MOST_LISTED, past
from maelstrom_broker.web.words_plan import took, written

from maelstrom_core.cluster.bodies import body_of_job, job_bytes
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.job import JobSpec
from maelstrom_core.wire.rows import SubmittedJob

SVG = re.compile(r"<svg.*?</svg>", re.S)
WORDS = """
all section h1 h2 p a b bdi span div dl dt dd table thead tbody tr th td ol li pre small code
svg rect g title line figure figcaption
"""
OURS = frozenset(WORDS.split())
"""Elements that a page of ours has."""
HOSTILE = "</title><script>alert(1)</script>\"'&<!--\x1b[31m\u202e"
texts = st.text(
    st.characters(codec="utf-8", categories=["L", "P", "S", "Cc", "Cf", "Zs"]), max_size=40
)


def a_story(
    name: str = "t.py::a", fault: str | None = "", tail: bytes = b"", tag: int = 1
) -> Story:
    """Of a job that waited 2 s, fetched 1 s and ran 3 s."""
    client = Client(b"s" * 16, "key", 1)
    client.run.name = "ann"
    spec = JobSpec(container=ContainerSpec(layers=()), program="/p", label=name)
    row = SubmittedJob(tag, 0, -1, 1, body_of_job(job_bytes(spec))[0])
    once = ["rack7", 1, 12.0, Why.FREE, 4, 0, 1, 13.0, 16.0, fault or "", None, 12.0]
    history = (Arrival(10.0, 1, 0, False, False), once)
    job = Job(client, row, 1, Wants(1, frozenset()), Container(b"d", b"c"), history)
    story = Story(job, client.run)
    story.ended, story.ending, story.fault, story.tail = 16.0, 0, fault, tail
    return story


def facts(**fields: Any) -> dict[str, Any]:
    return {"running": 0, "waiting": 0, "why_they_wait": "", **fields}


def is_whole(html: str) -> None:
    """Every element that begins ends, and there is no more than we have written."""
    root = ElementTree.fromstring(f"<all>{html}</all>")
    assert {element.tag for element in root.iter()} <= OURS
    for element in root.iter():
        assert not any(name.startswith("on") or name == "style" for name in element.attrib)


@given(texts, texts, st.binary(max_size=60))
def test_whatever_is_said_is_only_shown(name: str, fault: str, tail: bytes) -> None:
    story = a_story(name, fault, tail)
    story.run.name = fault
    story.run.failed.append(story)
    is_whole(case_sections(story, fault, 20.0))
    is_whole(overview([story], [story], 1, 20.0))
    is_whole(run_sections(story.run, facts(why_they_wait=fault), [story], 20.0))
    story.run.ended = 17.0
    is_whole(past([story.run], [], 20.0, sees_cases=True))


def test_a_case() -> None:
    html = case_sections(
        a_story("<b>", "exited with status 1", b"\x1b[1mit\x1b[0m\tbroke\r\n"), "", 20.0
    )
    assert "<h1><bdi>&lt;b&gt;</bdi></h1>" in html
    assert "<li>2.0 s: given to rack7, which had 4 slots free, the most there were</li>" in html
    assert ">it      broke\n</pre>" in html
    for words in ("waiting <b>2.0 s</b>", "fetching <b>1.0 s</b>", "running <b>3.0 s</b>"):
        assert words in html
    widths = re.findall(r'<rect class="(waited|fetched|ran)" x="([\d.]+)" width="([\d.]+)"', html)
    assert widths == [
        ("waited", "0.00", "33.33"),
        ("fetched", "33.33", "16.67"),
        ("ran", "50.00", "50.00"),
    ]


def test_a_case_that_has_written_nothing_has_no_output() -> None:
    assert "<pre" not in case_sections(a_story(), "", 20.0)


def test_a_run_leads_to_its_cases() -> None:
    failed, ran = a_story("breaks", "exited with status 1"), a_story("holds", tag=2)
    run = failed.run
    run.failed.append(failed)
    run.add_slow(3.0, 1, ran, room=True)
    run.counts["failed"] = 1
    run.unkept = 7
    html = run_sections(run, facts(), [], 20.0)
    assert f'href="/case?session={run.session.hex()}&amp;job=1"' in html
    assert "and 7 more" in html
    assert '<span class="dim">exited with status 1</span>' in html
    assert html.index("breaks") < html.index("Slowest") < html.index("holds")


def test_only_those_who_may_are_led_from_past_runs_to_their_cases() -> None:
    run = a_story().run
    run.ended = 20.0
    assert "href" in past([run], [], 30.0, sees_cases=True)
    assert "href" not in past([run], [], 30.0, sees_cases=False)


def test_past_runs_are_drawn_and_the_last_of_them_listed() -> None:
    runs = []
    for number in range(100):
        run = Run(number.to_bytes(16, "big"))
        run.name, run.began, run.ended = f"run {number}", 0.0, 1.0 + number
        run.counts["ok"] = 1
        run.counts["lost"] = number % 2
        runs.append(run)
    html = past(runs, [], 200.0, sees_cases=False)
    assert html.count("<tr>") == 1 + MOST_LISTED
    assert "most 100.0 s" in html
    assert "and 90 more" in html
    lengths = SVG.findall(html)[0]
    assert lengths.count('class="ok"') == lengths.count('class="failed"') == 30
    assert "<title>run 99: 100.0 s, 1 ok, 1 failed</title>" in lengths


def test_without_a_past_there_is_no_history() -> None:
    assert past([], [], 1.0, sees_cases=True) == ""


# History of a day


def test_a_day_is_counted_by_half_hours() -> None:
    day = Day()
    day.add(0.0, 0, 0)
    day.add(10.0, 5, 1)
    day.add(PIECE_SECONDS - 1, 7, 1)
    day.add(PIECE_SECONDS, 9, 2)
    assert [(one.ended, one.failed) for one in day.pieces] == [(7, 1), (2, 1)]


def test_a_day_has_no_more_than_its_pieces_whenever_it_is_looked_at() -> None:
    day = Day()
    for number in range(3 * PIECES):
        day.add(number * PIECE_SECONDS, number, 0)
    assert len(day.pieces) == PIECES
    day.add(1e9, 1000, 0)  # the machine has slept for years
    assert len(day.pieces) == PIECES
    assert 1e9 - PIECE_SECONDS < day.pieces[-1].began <= 1e9
    assert day.pieces[-1].ended == 1000 - (3 * PIECES - 1)
    assert sum(one.ended for one in day.pieces) == day.pieces[-1].ended


# Charts


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e9)), max_size=60))
def test_columns_stay_within_their_chart(shape: list[tuple[float, float]]) -> None:
    made = [Column((("ok", one), ("failed", other)), HOSTILE) for one, other in shape]
    html = columns("a", made, 60, of="1", ends=("a", "b"))
    is_whole(html)
    for x, y, width, height in re.findall(
        r'x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)" height="([\d.]+)"', html
    ):
        assert -0.1 <= float(x) <= WIDTH
        assert float(x) + float(width) <= WIDTH + 0.1
        assert float(y) >= 0
        assert float(y) + float(height) <= HEIGHT + 0.1


def test_what_something_is_made_of() -> None:
    assert stack([("ran", 0.0)]).count("<rect") == 1
    assert 'class="ran" x="75.00" width="25.00"' in stack([("waited", 3.0), ("ran", 1.0)])


# Words


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a\x1b[1;31mb\x1b[0m", "ab"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1b]0;title\x07a", "a"),
        (b"<\xff\0>", "&lt;��&gt;"),
        (b"a\r\nb\rc", "a\nb�c"),
        ("\u202eevil".encode(), "�evil"),
    ],
)
def test_what_programs_write(data: bytes, text: str) -> None:
    assert written(data) == text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 ms"), (0.0456, "46 ms"), (0.996, "1.0 s"), (119, "119.0 s"), (600, "10 min")],
)
def test_how_long_something_took(seconds: float, words: str) -> None:
    assert took(seconds) == words
