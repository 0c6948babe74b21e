"""The connecting side of a link: how a client, a worker or an admin comes to a broker and stays. Pure.

A connection is *open* when the transport says so; then `Hello` is said, and the broker answers with
`Welcome` or `Bye`. From then on both say something at least each beat. Who has been silent for
`SILENT_BEATS` beats is dead, whatever its sockets say: a connection is made anew. Between attempts
there is a growing wait with jitter, so that a thousand workers do not come back in one moment.

The machine makes no `Hello`, for what is in it is its owner's: it asks for one (`Greet`).
"""

import math
from typing import TypeAlias, assert_never

import attrs

from maelstrom_core.wire.messages import (
    OLDEST_VERSION,
    VERSION,
    Bye,
    Code,
    Message,
    Welcome,
)

SILENT_BEATS = 5
OPEN_SECONDS = 10.0
"""How long a connection may take to open."""
WELCOME_SECONDS = 10.0
"""How long a broker may take to answer `Hello`."""
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 10.0
STEADY_SECONDS = 10.0
"""A link that was up for so long begins anew with the shortest wait."""
MOST_NOT_UNDERSTOOD = 3
"""Times in a row that a broker may not understand `Hello`."""
FINAL = frozenset({Code.VERSION, Code.PROTOCOL, Code.ROLE})
"""Trying again would come to the same."""
FINAL_FOR_CLIENTS = FINAL | {Code.STOPPED}
"""Somebody has stopped it, and means it."""


# What can happen


@attrs.frozen
class Opened:
    """The connection that was asked for last is open."""


@attrs.frozen
class Lost:
    """That connection is closed, or could not be opened.

    :param reason: for people
    """

    reason: str


@attrs.frozen
class Denied:
    """The transport says that there is no use in trying: a key that nobody knows, a wrong one.

    :param reason: for people, with what to do
    """

    reason: str


@attrs.frozen
class Heard:
    """The broker has said something."""

    message: Message | None


@attrs.frozen
class Misspoken:
    """The broker has sent what no broker sends."""

    reason: str


@attrs.frozen
class TimePassed:
    """The deadline that the machine asked for may have come."""


@attrs.frozen
class Leave:
    """The link is not wanted any more."""

    reason: str = "it is done"


Event: TypeAlias = Opened | Lost | Denied | Heard | Misspoken | TimePassed | Leave


# What must be done about it


@attrs.frozen
class Open:
    """Make a connection."""


@attrs.frozen
class Close:
    """Close the connection; what was said just before may still leave."""


@attrs.frozen
class Greet:
    """Say `Hello`.

    :param boot: of the broker that it was welcomed by last; empty if by none
    """

    boot: bytes


@attrs.frozen
class Send:
    """Say this."""

    message: Bye


@attrs.frozen
class SendBeat:
    """Say `Beat` with this number, and what else belongs into it."""

    sequence: int


@attrs.frozen
class Up:
    """The link is up: say what you hold.

    :param same_broker: it is in the life in which it was when the link was up before
    """

    welcome: Welcome
    same_broker: bool


@attrs.frozen
class Deliver:
    """A message for the link's owner."""

    message: Message


@attrs.frozen
class Down:
    """The link was up and is not any more; another attempt follows by itself."""

    reason: str


@attrs.frozen
class Failed:
    """An attempt to bring it up has failed; another one follows by itself."""

    reason: str


@attrs.frozen
class Over:
    """It ends for good.

    :param code: what the broker has said, if it was that
    :param reason: for people; empty if it was left
    """

    code: int | None
    reason: str


Effect: TypeAlias = Open | Close | Greet | Send | SendBeat | Up | Deliver | Down | Failed | Over


# What it is doing


@attrs.frozen
class _Waiting:
    until: float


@attrs.frozen
class _Opening:
    until: float


@attrs.frozen
class _Greeting:
    until: float


@attrs.define
class _Talking:
    since: float
    beat_seconds: float
    next_beat: float
    heard: float


@attrs.frozen
class _Ended:
    pass


class LinkState:
    """Everything that is known of one link. Only `step` changes it.

    :param is_worker: workers go on where others have come to an end
    """

    def __init__(self, *, is_worker: bool) -> None:
        self._final = FINAL if is_worker else FINAL_FOR_CLIENTS
        self._is_worker = is_worker
        self._doing: _Waiting | _Opening | _Greeting | _Talking | _Ended = _Waiting(-math.inf)
        self._attempts = 0
        self._boot = b""
        self._sequence = 0
        self._not_understood = 0

    @property
    def is_up(self) -> bool:
        """Whether the broker has welcomed us and is alive as far as we know."""
        return isinstance(self._doing, _Talking)

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen any more."""
        return isinstance(self._doing, _Ended)

    def next_deadline(self) -> float:
        """When `TimePassed` is to be said, at the latest; at once for a new link."""
        match self._doing:
            case _Waiting(until) | _Opening(until) | _Greeting(until):
                return until
            case _Talking(_, beat, next_beat, heard):
                return min(next_beat, heard + SILENT_BEATS * beat)
            case _Ended():
                return math.inf
            case _:
                assert_never(self._doing)

    def step(self, event: Event, *, now: float, jitter: float) -> list[Effect]:
        """Take in one event; what must be done about it, in order.

        :param jitter: any number from 0 to 1, another one each time
        """
        if isinstance(self._doing, _Ended):
            return []
        match event:
            case Opened():
                return self._opened(now)
            case Lost(reason):
                return self._lost(reason, now, jitter)
            case Misspoken(reason):
                if not isinstance(self._doing, _Greeting | _Talking):
                    return []
                bye = Bye(Code.PROTOCOL, reason[:4096])
                return [
                    Send(bye),
                    *self._lost(f"the broker broke the protocol: {reason}", now, jitter),
                ]
            case Denied(reason) if self._is_worker:
                # Somebody may come to know its key while it waits.
                return self._lost(reason, now, jitter)
            case Denied(reason):
                return self._over(None, reason)
            case Heard(message):
                return self._heard(message, now, jitter)
            case TimePassed():
                return self._time_passed(now, jitter)
            case Leave(reason):
                says = isinstance(self._doing, _Greeting | _Talking)
                over = self._over(None, "")
                if not says:
                    return over
                return [Send(Bye(Code.GOODBYE, reason)), *over]
            case _:
                assert_never(event)

    def _opened(self, now: float) -> list[Effect]:
        if not isinstance(self._doing, _Opening):
            return []  # the transport has repeated itself
        self._doing = _Greeting(now + WELCOME_SECONDS)
        return [Greet(self._boot)]

    def _heard(self, message: Message | None, now: float, jitter: float) -> list[Effect]:
        match self._doing, message:
            case ((_Greeting() | _Talking()), Bye(code, text)):
                if code in self._final and not self._was_before_hello(code):
                    return self._over(code, text or "the broker has ended the link")
                return self._lost(text or "the broker has ended the link", now, jitter)
            case _Greeting(), Welcome():
                return self._welcomed(message, now)
            case _Talking() as talking, _:
                talking.heard = now
                if message is None or isinstance(message, Welcome):
                    return []
                return [Deliver(message)]
            case _:
                # Before `Welcome`, or of a connection that is closed: it will be said again.
                return []

    def _was_before_hello(self, code: int) -> bool:
        """Whether it may be the answer to something that slipped onto this connection before `Hello`.

        Sockets come back by themselves, and what was on its way to the old connection may be first.
        """
        if code != Code.PROTOCOL or isinstance(self._doing, _Talking):
            return False
        self._not_understood += 1
        return self._not_understood < MOST_NOT_UNDERSTOOD

    def _welcomed(self, welcome: Welcome, now: float) -> list[Effect]:
        if not OLDEST_VERSION <= welcome.version <= VERSION:
            text = (
                f"the broker speaks version {welcome.version} of the protocol, "
                f"this program {OLDEST_VERSION} to {VERSION}"
            )
            return [Send(Bye(Code.VERSION, text)), *self._over(Code.VERSION, text)]
        self._not_understood = 0
        same = welcome.boot == self._boot
        self._boot = welcome.boot
        beat = welcome.beat_ms / 1000
        self._doing = _Talking(now, beat, now + beat, now)
        return [Up(welcome, same)]

    def _time_passed(self, now: float, jitter: float) -> list[Effect]:
        if now < self.next_deadline():
            return []
        match self._doing:
            case _Waiting():
                self._doing = _Opening(now + OPEN_SECONDS)
                return [Open()]
            case _Opening():
                return self._lost(f"nobody answers for {OPEN_SECONDS:g} s", now, jitter)
            case _Greeting():
                text = f"the broker does not say welcome for {WELCOME_SECONDS:g} s"
                return self._lost(text, now, jitter)
            case _Talking() as talking:
                silence = SILENT_BEATS * talking.beat_seconds
                if now >= talking.heard + silence:
                    return self._lost(f"the broker has been silent for {silence:g} s", now, jitter)
                talking.next_beat = now + talking.beat_seconds
                self._sequence += 1
                return [SendBeat(self._sequence)]
            case _Ended():
                return []
            case _:
                assert_never(self._doing)

    def _lost(self, reason: str, now: float, jitter: float) -> list[Effect]:
        """Try again, after a while."""
        if isinstance(self._doing, _Waiting):
            return []  # of a connection that is closed already
        was_up = isinstance(self._doing, _Talking)
        if isinstance(self._doing, _Talking) and now - self._doing.since >= STEADY_SECONDS:
            self._attempts = 0
        self._doing = _Waiting(now + wait_seconds(self._attempts, jitter))
        self._attempts += 1
        return [Close(), Down(reason) if was_up else Failed(reason)]

    def _over(self, code: int | None, reason: str) -> list[Effect]:
        is_open = not isinstance(self._doing, _Waiting)
        was_up = isinstance(self._doing, _Talking)
        self._doing = _Ended()
        # Whoever leaves knows.
        down: list[Effect] = [Down(reason)] if was_up and reason else []
        return [*([Close()] if is_open else []), *down, Over(code, reason)]

    def check(self) -> None:
        """What always holds; for tests."""
        assert self._attempts >= 0
        if isinstance(self._doing, _Talking):
            assert self._boot
            assert self._doing.beat_seconds > 0
            assert self._doing.since <= self._doing.heard


def wait_seconds(attempts: int, jitter: float) -> float:
    """How long to wait before the next attempt.

    :param attempts: how many have failed, one after the other
    :param jitter: from 0 to 1
    """
    longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(attempts, 30))
    return longest * (0.5 + jitter / 2)
