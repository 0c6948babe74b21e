"""Stories as people read them."""

from maelstrom_admin.story_plan import story_lines

JOB = {"job": "t.py::a\x1b[2J", "outcome": "failed", "fault": "exited with status 1\nmore"}
TIMES = {"waited_seconds": 2.0, "fetched_seconds": 0.5, "ran_seconds": 90}


def test_a_job() -> None:
    story = {
        **JOB,
        "story": ["0.0 s: handed in", "over\x07"],
        "output_tail": "one\n\x1b]0;owned\x07\n",
    }
    assert list(story_lines(story)) == [
        "t.py::a�[2J: failed (exited with status 1…)",
        "  0.0 s: handed in",
        "  over�",
        "the end of what it wrote:",
        "  | one",
        "  | �]0;owned�",
    ]


def test_a_run() -> None:
    story = {
        "run": "ann",
        "session": "ab" * 16,
        "began_seconds_ago": 100,
        "ended_seconds_ago": 3,
        "counts": {"ok": 5, "failed": 1, "lost": 0, "retried": 2},
        "running": 0,
        "stories_not_kept": 4,
        "jobs": [{**JOB, **TIMES, "worker": "rack7", "attempts": 2}],
        **TIMES,
    }
    assert list(story_lines(story)) == [
        "run of ann (abababababab): began 1 min 40 s ago, over since 3.0 s",
        "jobs: 5 ok, 1 failed, 2 tried again",
        "their time, all together: 2.0 s waiting, 0.5 s fetching, 1 min 30 s running",
        "",
        "job          came to                         worker  attempt  waited  fetched  ran",
        "t.py::a�[2J  failed (exited with status 1…)  rack7   2        2.0 s   0.5 s    1 min 30 s",
        "and 4 that failed, of which nothing is kept",
    ]


def test_what_is_missing_is_left_out() -> None:
    assert list(story_lines({"story": None})) == [": "]
    assert list(story_lines({"jobs": [None, 3], "counts": []}))[1] == "jobs: none"
