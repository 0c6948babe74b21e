"""A job's story in sentences: where its time went, and why it ran where it did. Pure.

Times are seconds from when the job was handed in. Names are what peers have said; whoever shows the
sentences makes them fit for where they are shown.
"""

from collections.abc import Iterator, Sequence
from typing import assert_never

import attrs

from maelstrom_broker.stories_state import Story
from maelstrom_broker.tries_state import GIVEN_BACK, Arrival, Try, Why
from maelstrom_core.wire.rows import Ending

_SHORT = 0.05
"""Seconds that nobody asks about."""
_ENDINGS: dict[int, str] = {
    Ending.UNFIT: "no worker could prepare it",
    Ending.LOST: "lost",
    Ending.REFUSED: "refused",
    Ending.CANCELLED: "cancelled",
}


@attrs.frozen
class Spent:
    """Where a job's time went, in seconds."""

    waited: float
    fetched: float
    ran: float

    @property
    def total(self) -> float:
        """From when it was handed in until now, or until it ended."""
        return self.waited + self.fetched + self.ran


def spent(story: Story, now: float) -> Spent:
    """Where the time of a job went, all its attempts together."""
    fetched = ran = 0.0
    for one in story.tries:
        if one.slot is None:
            continue  # it only waits there
        ended = now if one.ended is None else one.ended
        started = one.started
        if started is None:
            # Who has not said that it began has not got all yet; or is an older one, which has ended.
            started = ended if one.ended is None else one.slot
        # A worker may have said so before we knew that it had a slot.
        started = max(started, one.slot)
        fetched += started - one.slot
        ran += ended - started
    end = now if story.ended is None else story.ended
    return Spent(max(0.0, end - story.arrival.at - fetched - ran), fetched, ran)


def outcome(story: Story) -> str:
    """What has come of it, in few words."""
    if story.ended is None:
        last = story.tries[-1] if story.tries else None
        if last is None or last.ended is not None:
            return "waits"
        if last.slot is None:
            return f"waits behind the slots of {last.placed.worker}"
        return "fetches" if last.started is None else "runs"
    if story.ending in _ENDINGS:
        return _ENDINGS[story.ending]
    if story.fault is None:
        return "ended"
    return "failed" if story.fault else "ok"


def title(story: Story) -> str:
    """What to call it."""
    return story.name or f"job {story.tag}"


def sentences(story: Story, now: float, waits: str = "") -> list[str]:
    """The story, in the order in which it happened.

    :param waits: why nothing that waits is given out now, if that is so
    """
    return list(_sentences(story, now, waits))


def _sentences(story: Story, now: float, waits: str) -> Iterator[str]:
    began = story.arrival.at
    yield f"{_at(0)}: handed in by {story.run.name}{_asks(story)}"
    free_since = began
    before = list[Try]()
    for one in story.tries:
        waited = one.placed.at - free_since
        if waited >= _SHORT:
            yield _waited(story, one, waited, before)
        yield f"{_at(one.placed.at - began)}: given to {_placed(one, before)}"
        yield from _went_on(one, began, now)
        before.append(one)
        free_since = now if one.ended is None else one.ended
    if story.ended is None:
        if not before or before[-1].ended is not None:
            why = f": {waits}" if waits else ""
            yield f"now: it has waited for {_long(now - free_since)}{why}"
    elif story.ending in _ENDINGS:
        why = f": {story.fault}" if story.fault else ""
        yield f"{_at(story.ended - began)}: {_ENDINGS[story.ending]}{why}"
    yield _sum(story, now)


def _asks(story: Story) -> str:
    asked = []
    if story.slots > 1:
        asked.append(f"{story.slots} slots")
    if story.labels:
        asked.append(f"a worker with {_and(sorted(story.labels))}")
    return f"; it asks for {_and(asked)}" if asked else ""


def _waited(story: Story, one: Try, seconds: float, before: Sequence[Try]) -> str:
    arrival = before[-1].again if before else story.arrival
    reasons = list(_reasons(arrival, story, one))
    why = "; ".join(reasons) or "its turn came when a slot was free"
    return f"it waited for {_long(seconds)}: {why}"


def _reasons(arrival: Arrival | None, story: Story, one: Try) -> Iterator[str]:
    if arrival is not None:
        if arrival.held_back:
            yield "the broker was new, and workers that may have had it already were waited for"
        if not arrival.workers:
            yield "no worker was there"
        elif arrival.blocked:
            yield "no worker had a slot free that it could have"
        if arrival.ahead:
            yield f"{_count(arrival.ahead, 'job')} of its run waited before it"
    placed = one.placed
    if placed.others:
        share = max(0, placed.used - story.slots)
        yield (
            f"{_count(placed.others, 'other run')} waited too, and slots are shared fairly between "
            f"runs (this one had {share} then)"
        )
    if placed.why is Why.KEPT_FREE:
        yield f"{placed.worker} was kept free for it until {story.slots} of its slots were"


def _placed(this: Try, before: Sequence[Try]) -> str:
    placed = this.placed
    attempt = f" (attempt {placed.attempt})" if placed.attempt > 1 or before else ""
    slots = f"{_count(placed.free, 'slot')} free"
    match placed.why:
        case Why.WARM:
            why = f"which had {slots}, and knows its container already"
        case Why.FREE:
            why = f"which had {slots}, the most there were"
        case Why.KEPT_FREE:
            why = "which was kept free for it"
        case Why.HELD:
            why = "which had it already, from a broker before this one"
        case Why.BEHIND:
            why = "which had no slot free, to wait there for one: it is short"
        case _:
            assert_never(placed.why)
    others = [one for one in before if one.placed.worker != placed.worker]
    back_from = {one.placed.worker for one in others if one.how == GIVEN_BACK}
    failed_on = {one.placed.worker for one in others if one.how not in ("", GIVEN_BACK)}
    not_on = f", and not to {_and(sorted(failed_on))}, where it had failed" if failed_on else ""
    gave = sorted(back_from - failed_on)
    back = f"; {_and(gave)} had given it back" if gave else ""
    return f"{placed.worker}{attempt}, {why}{not_on}{back}"


def _went_on(one: Try, began: float, now: float) -> Iterator[str]:
    worker, at = one.placed.worker, one.placed.at
    if one.slot is None:
        if one.ended is None:
            yield f"now: it has waited behind the slots of {worker} for {_long(now - at)}"
        else:
            waited = _long(one.ended - at)
            yield f"{_at(one.ended - began)}: taken from {worker}, where it waited for {waited}"
        return
    if one.slot > at:
        yield f"it waited behind the slots of {worker} for {_long(one.slot - at)}"
        at = one.slot
    if one.started is not None:
        fetched = one.started - at
        if fetched >= _SHORT:
            yield f"{worker} fetched what it needs for {_long(fetched)}"
        yield f"{_at(max(at, one.started) - began)}: started"
    if one.ended is None:
        since = at if one.started is None else one.started
        does = "fetched what it needs" if one.started is None else "run"
        yield f"now: {worker} has {does} for {_long(now - since)}"
        return
    ran = one.ended - (at if one.started is None else one.started)
    how = f": {one.how}" if one.how else ""
    yield f"{_at(one.ended - began)}: over on {worker} after {_long(ran)}{how}"


def _sum(story: Story, now: float) -> str:
    found = spent(story, now)
    return (
        f"in all {_long(found.total)}: {_long(found.waited)} waiting, {_long(found.fetched)} fetching, "
        f"{_long(found.ran)} running"
    )


def _at(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"


def _long(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.2f} s"
    return _at(seconds) if seconds < 600 else f"{seconds / 60:.0f} min"


def _and(words: Sequence[str]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
