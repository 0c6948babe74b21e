"""Which waiting jobs a client takes back, to run them itself."""

from maelstrom_core.cluster.remote_state import (
    Flush,
    GivenBack,
    Known,
    LinkUp,
    RemoteState,
    Say,
    TakeBack,
    Wanted,
)
from maelstrom_core.wire.messages import ContainerBytes, Submit
from maelstrom_core.wire.rows import SubmittedJob

DIGEST, SESSION = b"d" * 32, b"s" * 16


def row(tag: int) -> SubmittedJob:
    return SubmittedJob(tag, 0, -1, 1, b"")


def client(*labels: tuple[str, ...]) -> RemoteState:
    state = RemoteState(SESSION)
    state.step(Known(DIGEST, b"a container"))
    for tag, wanted in enumerate(labels):
        state.step(Wanted(DIGEST, row(tag), wanted))
    return state


def test_jobs_that_ask_for_what_this_machine_lacks_stay() -> None:
    state = client((), ("gpu",), ("gpu", "fast"))
    assert state.step(TakeBack(5, 0.0, frozenset({"gpu"}))) == [GivenBack(1), GivenBack(0)]
    assert state.step(TakeBack(5, 0.0)) == []
    assert state.waiting == 1


def test_labels_are_handed_in_with_their_jobs() -> None:
    state = client((), ("gpu",))
    state.step(LinkUp(10))
    said = [effect.message for effect in state.step(Flush(0.0)) if isinstance(effect, Say)]
    submitted = {
        one.labels: [job.tag for job in one.jobs] for one in said if isinstance(one, Submit)
    }
    assert submitted == {(): [0], ("gpu",): [1]}
    assert said[0] == ContainerBytes(DIGEST, b"a container")
