"""A run that is over, as bytes that outlive the broker; and the run again that comes of them. Pure.

Kept are its counts, where its time went, and the stories of its jobs, as many as fit: those that failed
first. What jobs have written is not among them. Times are seconds before the run's end, for another
broker has another clock.
"""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from maelstrom_broker.stories_state import COUNTED, MOST_FAILED, MOST_TRIES, Run, Story
from maelstrom_broker.told_plan import spent
from maelstrom_broker.tries_state import Arrival, Placed, Try, Why

_T = TypeVar("_T")
MOST_BYTES = 64 << 10
"""Of a run."""
_MOST_NAME = 300
_MOST_FAULT = 400
_MOST_LABELS = 16
_FAILED, _RETRIED, _SLOW = 1, 2, 4
"""In which of its lists a story is."""


class Unreadable(Exception):
    """These bytes are no run."""


def packed(run: Run) -> bytes:
    """What is kept of a run that is over; no more than `MOST_BYTES`."""
    most = MOST_FAILED
    while len(data := _packed(run, most)) > MOST_BYTES:
        most //= 2
    return data


def unpacked(session: bytes, data: bytes, ended: float) -> Run:
    """The run that was packed.

    :param ended: when it was over, in seconds on the clock of the broker that is to remember it
    :raises Unreadable: whatever is wrong with the bytes
    """
    try:
        return _unpacked(session, json.loads(data, parse_constant=_refuse), ended)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from None


def _packed(run: Run, most: int) -> bytes:
    assert run.ended is not None
    end = run.ended
    lists = ((_FAILED, run.failed), (_RETRIED, run.retried), (_SLOW, run.slowest))
    found: dict[int, list[Any]] = {}
    for which, stories in lists:
        for story in stories[:most]:
            row = found.setdefault(story.tag, [0, *_row(story, end)])
            row[0] |= which
    told = {
        "name": run.name[:_MOST_NAME],
        "lasted": _short(end - run.began),
        "counts": [run.counts[name] for name in COUNTED],
        "spent": [_short(seconds) for seconds in (run.waited, run.fetched, run.ran)],
        "unkept": run.unkept + len(run.failed[most:]),
        "stories": list(found.values()),
    }
    return json.dumps(told, separators=(",", ":")).encode()


def _row(story: Story, end: float) -> list[Any]:
    assert story.ended is not None
    return [
        story.tag,
        story.name[:_MOST_NAME],
        story.slots,
        _some(story.labels),
        _some(story.excluded),
        story.ending,
        None if story.fault is None else story.fault[:_MOST_FAULT],
        _short(end - story.ended),
        _arrival(story.arrival, end),
        [_try(one, end) for one in story.tries[:MOST_TRIES]],
    ]


def _some(names: frozenset[str]) -> list[str]:
    return [name[:_MOST_NAME] for name in sorted(names)[:_MOST_LABELS]]


def _arrival(arrival: Arrival, end: float) -> list[Any]:
    return [_short(end - arrival.at), *arrival[1:]]


def _try(one: Try, end: float) -> list[Any]:
    placed = one.placed
    return [
        placed.worker[:_MOST_NAME],
        placed.attempt,
        _short(end - placed.at),
        *placed[3:],
        None if one.started is None else _short(end - one.started),
        None if one.ended is None else _short(end - one.ended),
        one.how[:_MOST_FAULT],
        None if one.again is None else _arrival(one.again, end),
        None if one.slot is None else _short(end - one.slot),
    ]


def _short(seconds: float) -> float:
    return round(seconds, 3)


def _unpacked(session: bytes, told: dict[str, Any], end: float) -> Run:
    run = Run(session)
    run.name = _text(told["name"])
    run.began, run.ended = end - _seconds(told["lasted"]), end
    for name, number in zip(COUNTED, told["counts"], strict=True):
        run.counts[name] = _whole(number)
    run.waited, run.fetched, run.ran = map(_seconds, told["spent"])
    run.unkept = _whole(told["unkept"])
    for serial, (which, *row) in enumerate(told["stories"]):
        story = _story(run, row, end)
        if which & _FAILED:
            run.failed.append(story)
        if which & _RETRIED:
            run.retried.append(story)
        if which & _SLOW:
            run.add_slow(spent(story, end).ran, serial, story, room=True)
    return run


def _story(run: Run, row: Sequence[Any], end: float) -> Story:
    tag, name, slots, labels, excluded, ending, fault, ended, arrival, tries = row
    story = Story.__new__(Story)
    story.run, story.tag, story.head, story.called = run, _whole(tag), b"", _text(name)
    story.slots = _whole(slots)
    story.labels, story.excluded = frozenset(map(_text, labels)), frozenset(map(_text, excluded))
    story.ending, story.fault, story.tail = _whole(ending), _maybe(_text, fault), b""
    story.ended = end - _seconds(ended)
    story.arrival = _arrived(arrival, end)
    story.tries = tuple(_tried(one, end) for one in tries)
    return story


def _arrived(row: Sequence[Any], end: float) -> Arrival:
    at, workers, ahead, blocked, held_back = row
    return Arrival(
        end - _seconds(at), _whole(workers), _whole(ahead), bool(blocked), bool(held_back)
    )


def _tried(row: Sequence[Any], end: float) -> Try:
    worker, attempt, at, why, free, others, used, started, ended, how, again, *rest = row

    def when(before: object) -> float:
        return end - _seconds(before)

    placed = Placed(
        _text(worker),
        _whole(attempt),
        when(at),
        Why(why),
        _whole(free),
        _whole(others),
        _whole(used),
    )
    back = None if again is None else _arrived(again, end)
    # Older ones had a slot as soon as they were given.
    slot = _maybe(when, rest[0]) if rest else when(at)
    return Try(placed, _maybe(when, started), _maybe(when, ended), _text(how), back, slot)


def _maybe(read: Callable[[object], _T], value: object) -> _T | None:
    return None if value is None else read(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is none")
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError("a number is none")
    return value


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("a time is none")
    return float(value)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
