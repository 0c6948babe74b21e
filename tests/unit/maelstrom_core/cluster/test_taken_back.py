"""Which waiting jobs a client takes back, to run them itself."""

from maelstrom_core.cluster.remote_state import (
    Came,
    Flush,
    GivenBack,
    Known,
    LinkDown,
    LinkUp,
    RemoteState,
    Say,
    TakeBack,
    Wanted,
    Wrote,
)
from maelstrom_core.wire.messages import (
    Cancel,
    ContainerBytes,
    Output,
    Submit,
)
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


def test_what_writes_in_order_has_begun_and_is_not_asked_back() -> None:
    state = client((), ())
    state.step(LinkUp(10))
    state.step(Flush(0.0))
    piece = Output(SESSION, 0, 1, b"", 0, b"a run")
    assert state.step(Came(piece)) == [Wrote(0, piece)]
    assert state.idle == 1
    # Neither is it when it was handed in again, for its worker goes on.
    state.step(LinkDown())
    state.step(LinkUp(10))
    state.step(Flush(1.0))
    assert state.step(TakeBack(5, 1.0)) == [Say(Cancel(SESSION, (1,)))]


def test_of_what_is_asked_back_nothing_is_passed_on() -> None:
    state = client(())
    state.step(LinkUp(10))
    state.step(Flush(0.0))
    state.step(TakeBack(1, 0.0))
    assert state.step(Came(Output(SESSION, 0, 1, b"", 0, b"a run"))) == []
