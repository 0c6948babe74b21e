"""Whatever peers say, in whichever order, under whichever key: the broker's machine goes on, and what
must always hold does."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from maelstrom_broker.effects import Forget, Send
from maelstrom_broker.events import (
    Came,
    CameBad,
    Event,
    PeerFull,
    PeerGone,
    Recalled,
    TimePassed,
)
from maelstrom_broker.state import BrokerState

from maelstrom_core.model.digest import Digest
from maelstrom_core.wire.administration import AskStatus, AskStory, CancelRun, Drain
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.histories import AskCases, LearnedCases, packed
from maelstrom_core.wire.messages import (
    Beat,
    Bye,
    Cancel,
    ContainerBytes,
    Done,
    GivenBack,
    Hello,
    Output,
    Started,
    Submit,
    Taken,
)
from maelstrom_core.wire.rows import DoneJob, HeldJob, SubmittedJob

BOOT = b"B" * 16
CONTAINER = b"a container"
DIGEST = bytes.fromhex(Digest.of(CONTAINER).hex)
CASES = b"".join(packed([(b"c" * 16, 1000, True)]))

sessions = st.sampled_from([*[b"1" * 16] * 3, *[b"2" * 16] * 3, b"3" * 16])
tags = st.sampled_from([0, 0, 0, 1, 1, 2, (1 << 63) - 1])
attempts = st.sampled_from([1, 1, 1, 1, 2, 2, 3, 1000])
slots = st.sampled_from([0, 1, 1, 2, 4096])
labels = st.sampled_from([*[()] * 5, ("gpu",), ("arm", "gpu")])
some_tags = st.lists(tags, max_size=3).map(tuple)
digests = st.sampled_from([*[DIGEST] * 9, bytes(32)])


def several(row: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(row, max_size=4).map(tuple)


held = several(st.builds(HeldJob, sessions, tags, attempts, slots))
submit = st.builds(
    Submit,
    digests,
    several(
        st.builds(
            SubmittedJob,
            tags,
            st.integers(-128, 127),
            st.integers(-1, 5),
            st.sampled_from([1, 2, 4096]),
            st.just(b"x"),
        )
    ),
    labels,
)
done = st.builds(
    Done,
    sessions,
    several(
        st.builds(
            DoneJob,
            tags,
            attempts,
            st.sampled_from([0, 0, 0, 1, 2, 2, 5, 5, 3, 4]),
            st.just(b""),
            st.sampled_from([(), ("", b""), ("it failed", b"and said so")]),
            st.sampled_from([-1, 0, 900, 1 << 62]),
            st.sampled_from([-1, 0, 900, 1 << 62]),
        )
    ),
)
SIMPLE: dict[type, st.SearchStrategy[Any]] = {
    Hello: st.builds(
        Hello,
        st.sampled_from([1, 1, 1, 0, 2]),
        st.sampled_from([1, 1, 3, 0]),
        st.just("test"),
        sessions,
        st.sampled_from(["", "name", "other"]),
        st.sampled_from([b"", BOOT, b"A" * 16]),
        slots,
        labels,
        st.sampled_from([1, 1000]),
        held,
        st.sampled_from([0, 1, 40, 65_536]),
    ),
    Bye: st.builds(Bye, st.integers(0, 7), st.just("")),
    Beat: st.builds(Beat, tags),
    Started: st.builds(Started, sessions, some_tags),
    GivenBack: st.builds(GivenBack, st.sampled_from([0, 0, 1, 2, 9, 99]), sessions, some_tags),
    Output: st.builds(Output, sessions, tags, st.integers(1, 3), st.just(b"x")),
    AskStatus: st.builds(AskStatus, st.booleans()),
    AskStory: st.builds(
        AskStory, st.sampled_from(["name", "2222", "nobody"]), st.sampled_from(["", "0", "1", "x"])
    ),
    Drain: st.builds(Drain, st.sampled_from(["name", "other", "nobody"]), st.booleans()),
    CancelRun: st.builds(CancelRun, sessions),
    Taken: st.builds(Taken, sessions, some_tags),
    Cancel: st.builds(Cancel, sessions, some_tags),
    AskCases: st.builds(AskCases, tags, st.just(DIGEST), st.sampled_from([b"", DIGEST])),
    LearnedCases: st.builds(LearnedCases, st.just(DIGEST), st.sampled_from([b"", CASES])),
    ContainerBytes: st.sampled_from([DIGEST, bytes(32)]).map(
        lambda digest: ContainerBytes(digest, CONTAINER)
    ),
}
messages = st.one_of(submit, done, *SIMPLE.values())
roles = st.sampled_from(["worker", "client", "admin", "stranger"])
WORKERS, CLIENTS = [b"w", b"v"], [b"c", b"d"]


def kinds(*wanted: type) -> st.SearchStrategy[Any]:
    return st.one_of(*[SIMPLE[kind] for kind in wanted])


OWN = dict(zip([*WORKERS, *CLIENTS], [b"1" * 16, b"2" * 16] * 2, strict=True))
"""Sessions of peers, when they say what is right."""


def come(peer: bytes, boot: bytes, slots: int, labels: tuple[str, ...], held: Any) -> list[Event]:
    """As peers do."""
    role = "worker" if peer in WORKERS else "client"
    hello = Hello(1, 1, "test", OWN[peer], "name", boot, slots, labels, 1, held)
    if role == "client":
        hello = Hello(1, 1, "test", OWN[peer], "name", boot)
    return (
        say(peer, hello, ContainerBytes(DIGEST, CONTAINER))
        if role == "client"
        else say(peer, hello)
    )


def say(peer: bytes, *said: Any) -> list[Event]:
    role = "worker" if peer in WORKERS else "client"
    return [Came(peer, role, "one", message) for message in said]


boots = st.sampled_from([b"", BOOT, b"A" * 16])
comes = st.builds(
    come, st.sampled_from([*WORKERS, *CLIENTS]), boots, st.sampled_from([1, 2, 4]), labels, held
)
right = st.one_of(
    st.builds(say, st.sampled_from(WORKERS), done),
    st.builds(say, st.sampled_from(WORKERS), kinds(Started, Output, Beat, GivenBack)),
    st.builds(say, st.sampled_from(CLIENTS), submit),
    st.builds(
        lambda peer, tags: say(peer, Taken(OWN[peer], tags)), st.sampled_from(CLIENTS), some_tags
    ),
    st.builds(
        lambda peer, tags: say(peer, Cancel(OWN[peer], tags)), st.sampled_from(CLIENTS), some_tags
    ),
    st.builds(say, st.sampled_from(CLIENTS), kinds(AskCases, LearnedCases)),
)
everybody = st.sampled_from([*WORKERS, *CLIENTS, b"a"])
wrong = st.one_of(
    st.builds(Came, everybody, roles, st.sampled_from(["one", "two"]), messages),
    st.builds(
        Came,
        st.just(b"a"),
        st.just("admin"),
        st.just("one"),
        kinds(AskStatus, AskStory, Drain, CancelRun, Hello),
    ),
    st.builds(CameBad, everybody, st.just(2), st.just("bad")),
    st.builds(PeerGone, everybody),
    st.builds(PeerFull, everybody),
    st.builds(Recalled, sessions, tags, st.sampled_from([(), (CASES,), (CASES, CASES)])),
    st.just(TimePassed()),
).map(lambda event: [event])
chapters = st.integers(0, 9).flatmap(lambda n: comes if n < 3 else wrong if n == 9 else right)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(chapters, st.sampled_from([*[0.0] * 20, 0.1, 2.5, 40.0])),
        min_size=15,
        max_size=50,
    )
)
def test_whatever_peers_say_the_broker_goes_on(story: list[tuple[list[Event], float]]) -> None:
    broker, now = BrokerState(BOOT, now=0.0, window=5, keeps_history=True), 0.0
    for peer in (*WORKERS, *CLIENTS):
        for event in come(peer, b"", 2, (), ()):
            broker.step(event, now=now)
    for event, seconds in [(event, pause) for chapter, pause in story for event in chapter]:
        now += seconds
        after = set()
        for effect in broker.step(event, now=now):
            match effect:
                case Send(peer, message):
                    assert peer not in after, "a message after the last"
                    assert decode(encode(message)) == message
                case Forget(peer):
                    after.add(peer)
        broker.check()
    for _ in range(300):
        now += 1.0
        broker.step(TimePassed(), now=now)
    broker.check()
    book = broker.book
    assert not (book.peers or book.workers or book.clients or book.orphans or book.zombies)
    assert not (book.containers or book.dispatch.demands)
