"""Decides what it means when a connection to a broker does not come about.

libzmq tells what happens to a socket in small events, and goes on trying for ever, or gives up for
good without a word. The machine makes of them what a person can use, once for each change, and says
when only a new socket helps.
"""

import enum
from typing import TypeAlias

import attrs


class Happened(enum.Enum):
    """What libzmq's monitor tells, and what we do ourselves."""

    REACHED = "the network's connection is there"
    GREETED = "keys were exchanged: messages can go"
    REFUSED = "the broker does not know our key"
    NO_KEYS = "the other side has no keys"
    NOT_UNDERSTOOD = "the other side does not speak the protocol"
    BROKEN_OFF = "the other side went away before keys were exchanged"
    LOST = "the connection is gone"
    RENEWED = "there is a new socket"
    TICK = "time has passed"


class Failure(enum.Enum):
    """Why there is no connection."""

    UNKNOWN_KEY = enum.auto()
    WRONG_BROKER_KEY = enum.auto()
    NO_KEYS = enum.auto()
    NO_BROKER = enum.auto()
    SILENT = enum.auto()
    UNREACHABLE = enum.auto()


@attrs.frozen
class Up:
    """Messages can go."""


@attrs.frozen
class Down:
    """The connection is lost; a new one is being tried."""


@attrs.frozen
class Fails:
    """Why there is none yet, told once; it is tried on."""

    failure: Failure


@attrs.frozen
class Renew:
    """libzmq has given up: make a new socket then.

    :param at: when, in seconds
    """

    at: float


Effect: TypeAlias = Up | Down | Fails | Renew

REACH_SECONDS = 5.0
"""How long nobody may answer before that is told."""
HANDSHAKE_SECONDS = 5.0
"""How long the other side may take to exchange keys."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 30.0
_FINAL = {
    Happened.REFUSED: Failure.UNKNOWN_KEY,
    Happened.NO_KEYS: Failure.NO_KEYS,
    Happened.NOT_UNDERSTOOD: Failure.NO_BROKER,
}


class LinkState:
    """One link, over all the sockets it has.

    :param now: when it was begun, in seconds of a clock that never goes back; so everywhere here
    :param reach_seconds: how long nobody may answer before that is told
    """

    def __init__(self, now: float, reach_seconds: float = REACH_SECONDS) -> None:
        self._reach_seconds = reach_seconds
        self._is_up = False
        self._tried_since = now
        self._reached_at: float | None = None
        self._broken_off = 0
        self._pause = _FIRST_PAUSE_SECONDS
        self._told: Failure | None = None

    @property
    def is_up(self) -> bool:
        """Whether messages can go."""
        return self._is_up

    @property
    def deadline(self) -> float | None:
        """When to tell of a `Happened.TICK`, if nothing else happens before."""
        if self._is_up or self._reached_at is not None or self._told is not None:
            return None
        return self._tried_since + self._reach_seconds

    def step(self, happened: Happened, now: float) -> list[Effect]:
        """What follows from what has happened."""
        match happened:
            case Happened.REACHED:
                self._reached_at = now
                return []
            case Happened.GREETED:
                self._is_up, self._broken_off, self._told = True, 0, None
                self._pause = _FIRST_PAUSE_SECONDS
                return [Up()]
            case Happened.REFUSED | Happened.NO_KEYS | Happened.NOT_UNDERSTOOD:
                self._reached_at = None
                pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
                return [*self._tell(_FINAL[happened]), Renew(now + pause)]
            case Happened.BROKEN_OFF:
                return self._breaks_off(now)
            case Happened.LOST if self._reached_at is not None and not self._is_up:
                # It has hung up on what it did not understand, and says nothing more.
                return self.step(Happened.NOT_UNDERSTOOD, now)
            case Happened.LOST | Happened.RENEWED:
                return self._loses(now)
            case Happened.TICK:
                due = self.deadline is not None and now >= self.deadline
                return self._tell(Failure.UNREACHABLE) if due else []

    def _breaks_off(self, now: float) -> list[Effect]:
        reached_at, self._reached_at = self._reached_at, None
        # Not at once, as libzmq's own clock may be a little ahead of ours.
        if reached_at is not None and now - reached_at > HANDSHAKE_SECONDS * 0.8:
            return self._tell(Failure.SILENT)
        # Once may be a broker that ends; a wrong key is met without a word, time and again.
        self._broken_off += 1
        return self._tell(Failure.WRONG_BROKER_KEY) if self._broken_off > 1 else []

    def _loses(self, now: float) -> list[Effect]:
        self._reached_at = None
        self._tried_since = now
        if not self._is_up:
            return []
        self._is_up = False
        return [Down()]

    def _tell(self, failure: Failure) -> list[Effect]:
        if failure is self._told:
            return []
        self._told = failure
        return [Fails(failure)]
