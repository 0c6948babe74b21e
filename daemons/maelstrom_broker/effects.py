"""What a broker wants done. Pure."""

from collections.abc import Mapping
from typing import TypeAlias

import attrs

from maelstrom_core.wire.messages import Message


@attrs.define
class Send:
    """Send a message to a peer, after those that were to be sent before.

    :param lossy: it may be dropped if there is no room for it
    """

    peer: bytes
    message: Message
    lossy: bool = False


@attrs.frozen
class Forget:
    """Nothing more is sent to this peer; whoever comes by this connection again is a stranger."""

    peer: bytes


@attrs.frozen
class Note:
    """Write down what happened, for people.

    :param what: a few words, the same for all of its kind
    :param facts: names and values
    """

    what: str
    facts: Mapping[str, object]


@attrs.frozen
class StopNow:
    """All were told: end."""


@attrs.frozen
class Learn:
    """Keep what a client has seen of cases.

    :param owner: whose key it has
    :param cases: packed, see `maelstrom_core.wire.histories`
    """

    owner: str
    project: bytes
    cases: bytes


@attrs.frozen
class Recall:
    """Look up what is known of a project; answered by `Recalled`, also if it cannot be known.

    :param owner: whose key it is that asks
    :param plan: what was told to the first who asked with it is told to all; empty for what is known now
    """

    session: bytes
    owner: str
    request: int
    project: bytes
    plan: bytes


@attrs.frozen
class KeepRun:
    """Keep what is remembered of a run that is over.

    :param owner: whose key its client had
    :param told: see `kept_plan`
    :param asked_for: sessions of runs that are kept and that somebody wanted to see since the last one
    """

    owner: str
    session: bytes
    told: bytes
    asked_for: frozenset[bytes] = frozenset()


Effect: TypeAlias = Send | Forget | Note | StopNow | Learn | Recall | KeepRun
"""Everything that can be wanted."""
