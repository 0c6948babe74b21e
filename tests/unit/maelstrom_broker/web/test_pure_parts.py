"""History, charts, words and metrics of the broker's page."""

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maelstrom_broker.web.chart_plan import HEIGHT, WIDTH, bar, ceiling, chart, span_of
from maelstrom_broker.web.history_state import EVERY_SECONDS, KEPT_SECONDS, History, Sample, gone_on
from maelstrom_broker.web.metrics_plan import METRICS, MOST_WORKERS, BlobFacts, metrics
from maelstrom_broker.web.page_plan import MOST_ROWS, Charts, live, page
from maelstrom_broker.web.words_plan import age, clean, number, shown
from prometheus_client.parser import text_string_to_metric_families

_NAMES = (
    "accepted given ran unfit lost refused cancelled links_ended workers clients slots used running "
    "queued orphans containers failed"
)
TOTALS = dict.fromkeys(_NAMES.split(), 0)


def worker(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "session": name.encode().hex()[:12],
        "key": "local",
        "software": "s",
        "labels": [],
        "slots": 4,
        "used": 1,
        "running": 1,
        "draining": False,
        "connected": True,
        "last_seen_seconds": 0.5,
        "kept_results": 0,
        "reserved": False,
        **fields,
    }


def client(name: str) -> dict[str, Any]:
    numbers = dict.fromkeys(("queued", "running", "done", "not_taken", "slots"), 1)
    texts = {"session": "ab" * 16, "key": "local", "software": "s"}
    return {
        "name": name,
        "weight": 1,
        "connected": True,
        "last_seen_seconds": 9,
        **numbers,
        **texts,
    }


def status(**fields: Any) -> dict[str, Any]:
    totals = TOTALS | {"workers": len(fields.get("workers", ()))} | fields.pop("totals", {})
    return {
        "boot": "0123456789ab",
        "uptime_seconds": 100.0,
        "workers": [],
        "clients": [],
        "waiting": "",
        "recent": [],
        "demands": [],
        "totals": totals,
        **fields,
    }


# History


def a_history(*samples: tuple[float, int, int, int]) -> History:
    history = History()
    for sample in samples:
        history.add(Sample(*sample))
    return history


def test_samples_of_several_brokers_are_as_if_one_had_taken_them() -> None:
    """Each counts what ended from zero, and the next one will too."""
    taken = [(0.0, 1, 1, 90), (5.0, 1, 1, 100), (20.0, 1, 1, 0), (25.0, 1, 1, 30), (99.0, 1, 1, 5)]
    found = gone_on([Sample(*one) for one in taken])
    assert [one.ended for one in found] == [-45, -35, -35, -5, 0]
    assert gone_on([]) == []
    history = a_history(*((one.at, one.running, one.queued, one.ended) for one in found))
    assert history.ended_per_second() == [((5.0, 2.0), (20.0, 0.0), (25.0, 6.0))]


def test_history_is_an_hour_long_and_no_longer() -> None:
    history = History()
    for number_ in range(2000):
        assert history.next_at(number_ * EVERY_SECONDS) == number_ * EVERY_SECONDS
        history.add(Sample(number_ * EVERY_SECONDS, 1, 2, number_))
    (piece,) = history.running()
    assert len(piece) == KEPT_SECONDS / EVERY_SECONDS
    assert piece[-1][0] - piece[0][0] <= KEPT_SECONDS


def test_what_is_older_than_an_hour_goes_even_if_there_was_little() -> None:
    history = a_history((0, 1, 1, 1), (10_000, 2, 2, 2))
    assert history.running() == [((10_000, 2.0),)]


def test_jobs_that_ended_are_told_by_the_second() -> None:
    history = a_history((0, 0, 0, 100), (5, 0, 0, 110), (15, 0, 0, 110))
    assert history.ended_per_second() == [((5, 2.0), (15, 0.0))]


def test_nothing_is_drawn_through_what_nobody_knows() -> None:
    history = a_history((0, 1, 0, 0), (5, 1, 0, 0), (100, 1, 0, 50), (105, 1, 0, 55))
    assert [len(piece) for piece in history.running()] == [2, 2]
    assert history.ended_per_second() == [((5, 0.0),), ((105, 1.0),)]


# Charts


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (1, 1), (1.2, 2), (3, 5), (51, 100), (2001, 5000)]
)
def test_the_scale_goes_in_steps(value: float, top: int) -> None:
    assert ceiling(value) == top


@given(
    st.lists(st.tuples(st.floats(-1e4, 100), st.floats(0, 1e9)), max_size=20).map(sorted),
)
def test_lines_stay_within_their_chart(points: list[tuple[float, float]]) -> None:
    pieces = [tuple(points)] if points else []
    found = chart("Running <x>", pieces, 100.0, span_of(pieces, 100.0), kind="running")
    tree = ElementTree.fromstring(found)
    for line in tree.iter("polyline"):
        for place in line.attrib["points"].split():
            x, y = map(float, place.split(","))
            assert 0 <= x <= WIDTH
            assert 0 <= y <= HEIGHT


def test_a_young_broker_s_chart_is_shorter() -> None:
    assert span_of([], 50) == 300
    assert span_of([((0.0, 1.0),)], 250) == 300
    assert span_of([((0.0, 1.0),)], 301) == 900
    assert span_of([((0.0, 1.0),)], 5000) == 3600


def test_a_bar_is_never_longer_than_full() -> None:
    assert 'class="used" width="25.0"' in bar(1, 4)
    assert 'class="used" width="100.0"' in bar(9, 4)
    assert "over" in bar(9, 4)
    assert 'class="used" width="0.0"' in bar(1, 0)


# Words


@given(st.text(alphabet=st.characters(), max_size=200))
def test_nothing_that_is_said_is_markup(text: str) -> None:
    found = shown(text)
    assert not re.search(r"[<>\"']", found)
    assert all(one.isprintable() or one == "\n" for one in found)
    found.encode()  # lone surrogates are not left


def test_what_is_long_is_cut() -> None:
    assert clean("x" * 81) == "x" * 80 + "…"
    assert clean("x" * 80) == "x" * 80
    assert clean("a\u202eb\x1b") == "a\ufffdb\ufffd"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (59.9, "59 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7200, "2 hours"),
        (172_800, "2 days"),
    ],
)
def test_how_long_something_takes(seconds: float, text: str) -> None:
    assert age(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1234567, "1\u202f234\u202f567"), (4.44, "4.4"), (123.4, "123")]
)
def test_numbers_for_people(value: float, text: str) -> None:
    assert number(value) == text


# The page


def test_a_page_of_nothing_says_so() -> None:
    found = page(status(), Charts(0.0))
    assert "None is connected" in found
    assert "There is none" in found
    assert "Lost and refused" not in found


@given(st.text(max_size=80))
def test_words_of_peers_get_nowhere_but_into_text(said: str) -> None:
    hostile = f"<script>{said}</script>\"'><b onclick=x>"
    loss = {"client": hostile, "session": "s", "tag": 1, "ending": hostile, "why": hostile}
    demand = {"slots": 1, "labels": [hostile], "not_on": [hostile], "queued": 1, "clients": 1}
    found = live(
        status(
            workers=[worker(hostile, labels=[hostile], software=hostile, key=hostile)],
            clients=[client(hostile) | {"key": hostile, "software": hostile}],
            recent=[{**loss, "at_seconds": 1.0}],
            demands=[{**demand, "reserved": hostile}],
            waiting=hostile,
            boot=hostile,
        ),
        Charts(0.0),
    )
    tree = ElementTree.fromstring(f"<main>{found}</main>")
    assert "script" not in {one.tag for one in tree.iter()}
    assert not any("onclick" in one.attrib for one in tree.iter())


def test_a_page_of_very_many_is_not_long() -> None:
    workers = [worker(f"w{one}") for one in range(1000)]
    found = page(status(workers=workers, totals={"workers": 5000}), Charts(0.0))
    assert f"and {number(5000 - MOST_ROWS)} more" in found
    assert len(found) < 400_000


def test_states_of_workers() -> None:
    workers = [worker("a", draining=True), worker("b", connected=False, kept_results=3)]
    found = live(status(workers=workers), Charts(0.0))
    for words in (">draining<", ">away<", "3 results not taken"):
        assert words in found


# Metrics


def test_metrics_are_what_prometheus_reads() -> None:
    workers = [worker('a"\\\n\u202e'), worker("b", draining=True), worker("c", connected=False)]
    text = metrics(
        status(workers=workers, totals={"ran": 7, "queued": 3}),
        BlobFacts(bytes=1 << 40),
        version="1.0",
        wall=1000.0,
    )
    families = {one.name: one for one in text_string_to_metric_families(text)}
    kinds = {name.removesuffix("_total"): metric.kind for name, metric in METRICS.items()}
    assert {name: one.type for name, one in families.items()} == kinds
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for one in families.values()
        for sample in one.samples
    }
    assert found["maelstrom_jobs_ended_total", "ran"] == 7
    assert found["maelstrom_jobs_queued",] == 3
    assert found["maelstrom_blobs_bytes",] == 1 << 40
    assert found["maelstrom_broker_start_time_seconds",] == 900
    states = {key[1]: value for key, value in found.items() if key[0] == "maelstrom_workers"}
    assert states == {"ready": 1, "draining": 1, "away": 1}
    assert any(key[1] == 'a"\\\ufffd\ufffd' for key in found if len(key) == 3)


def test_series_of_workers_are_few() -> None:
    workers = [worker(f"w{one}") for one in range(MOST_WORKERS + 50)]
    text = metrics(status(workers=workers), BlobFacts(), version="1", wall=0.0)
    assert text.count("maelstrom_worker_slots{") == MOST_WORKERS
    assert "maelstrom_workers_not_listed 50\n" in text
