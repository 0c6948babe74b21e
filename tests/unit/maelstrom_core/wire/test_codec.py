"""Messages and their bytes: what is said is heard, and nothing that a peer sends does harm."""

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.wire.bulk import (
    BULK,
    MOST_PART_BYTES,
    Blob,
    Blobs,
    Get,
    Need,
    Part,
    Put,
    PutPart,
)
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.histories import CASE_BYTES, LONGEST_MS, packed
from maelstrom_core.wire.messages import (
    CHECKS,
    MOST_MESSAGE_BYTES,
    Beat,
    Hello,
    Submit,
)
from maelstrom_core.wire.rows import (
    MOST_BODY_BYTES,
    DoneJob,
    HeldJob,
    JobResultRow,
    RunJob,
    SubmittedJob,
)
from maelstrom_core.wire.shapes import BadMessage

DIGEST, SESSION = b"d" * 32, b"s" * 16
HELLO = Hello(1, 1, "maelstrom 1", SESSION, "ann", held=(HeldJob(SESSION, 7, 2),), labels=("gpu",))

tags = st.integers(0, (1 << 63) - 1)
bodies = st.binary(max_size=40)
attempts = st.integers(1, 1000)
times = st.integers(-1, (1 << 63) - 1)
told = st.sampled_from([(), ("", b""), ("exited with status 1", b"it broke\n")])
ROWS = {
    SubmittedJob: st.builds(
        SubmittedJob, tags, st.integers(-128, 127), st.integers(-1, 1 << 40), attempts, bodies
    ),
    RunJob: st.builds(RunJob, tags, attempts, attempts, bodies),
    DoneJob: st.builds(DoneJob, tags, attempts, st.integers(0, 5), bodies, told, times, times),
    JobResultRow: st.builds(
        JobResultRow, tags, st.integers(0, 1000), st.integers(0, 5), st.just("rack 7"), bodies
    ),
}
FIELDS = {
    "container": st.just(DIGEST),
    "digest": st.just(DIGEST),
    "session": st.just(SESSION),
    "boot": st.just(b"b" * 16),
    "software": st.just("a program"),
    "name": st.just("ann"),
    "worker": st.just("rack 7"),
    "AskStory.run": st.just("ann"),
    "job": st.just("tests/test_a.py::test_b"),
    "labels": st.lists(st.sampled_from(["gpu", "äh"]), max_size=2).map(tuple),
    "text": st.just("two\nlines"),
    "fault": st.just(""),
    "tags": st.lists(tags, max_size=3).map(tuple),
    "held": st.lists(
        st.builds(HeldJob, st.just(SESSION), tags, attempts, st.integers(0, 4096)), max_size=2
    ).map(tuple),
    "data": st.binary(min_size=1, max_size=20),
    "document": bodies,
    "details": st.booleans(),
    "on": st.booleans(),
    "waits": st.booleans(),
    "stream": st.integers(1, 3),
    "keeps_history": st.booleans(),
    "project": st.just(DIGEST),
    "plan": st.sampled_from([b"", DIGEST]),
    "cases": st.lists(
        st.tuples(
            st.binary(min_size=CASE_BYTES, max_size=CASE_BYTES),
            st.integers(0, LONGEST_MS),
            st.booleans(),
        ),
        max_size=3,
    ).map(lambda rows: b"".join(packed(rows))),
    "is_last": st.booleans(),
    "run": st.binary(max_size=32),
    **{
        f"{name}.run": st.binary(min_size=1, max_size=32)
        for name in ("ShowTerminal", "TypeTerminal", "HadTerminal")
    },
    "passes_terminals": st.booleans(),
    "away_ms": st.integers(1, 1_000_000_000),
    "what": st.integers(0, 255),
    "status": st.integers(0, 256),
}


def _jobs_of(cls: type) -> st.SearchStrategy[tuple[object, ...]]:
    row = {"Submit": SubmittedJob, "Run": RunJob, "Done": DoneJob, "Results": JobResultRow}
    return st.lists(ROWS[row[cls.__name__]], max_size=3).map(tuple)


@st.composite
def messages(draw: st.DrawFn) -> object:
    """Any message that a peer of ours may send."""
    cls = draw(st.sampled_from(list(CHECKS)))
    values = {}
    for field in cls.__attrs_attrs__:
        strategy = (
            _jobs_of(cls)
            if field.name == "jobs"
            else FIELDS.get(f"{cls.__name__}.{field.name}", FIELDS.get(field.name))
        )
        values[field.name] = draw(strategy if strategy is not None else st.integers(1, 500))
    return cls(**values)


@given(messages())
def test_what_is_said_is_heard(message: object) -> None:
    assert decode(encode(message)) == message  # type: ignore[arg-type]


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    try:
        decode(data)
    except BadMessage as fault:
        assert len(str(fault)) < 400


cbor = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | bodies,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.integers(0, 130), st.lists(cbor, max_size=11))
def test_no_fields_do_more_than_be_refused(kind: int, fields: list[object]) -> None:
    try:
        message = decode(cbor2.dumps([kind, *fields]))
    except BadMessage:
        return
    assert message is None or decode(encode(message)) == message


@given(messages(), st.data())
def test_a_changed_byte_is_refused_or_means_something_whole(
    message: object, data: st.DataObject
) -> None:
    encoded = bytearray(encode(message))  # type: ignore[arg-type]
    index = data.draw(st.integers(0, len(encoded) - 1))
    encoded[index] ^= data.draw(st.integers(1, 255))
    try:
        found = decode(bytes(encoded))
    except BadMessage:
        return
    assert found is None or decode(encode(found)) == found


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "CBORDecode"),
        (encode(HELLO) + b"\0", "1 bytes after its end"),
        (encode(HELLO)[:-1], "CBORDecode"),
        (b"\x9f\x01\xff", "CBORDecode"),
        (cbor2.dumps({1: 2}), "CBORDecode|tag|list"),
        (cbor2.dumps([6, {}]), "CBORDecode|tag|list"),
        (cbor2.dumps([1, cbor2.CBORTag(35, "(a|a)*")]), "CBORDecode|tag|list"),
        (cbor2.dumps([1, 1 << 70]), "CBORDecode|tag|list"),
        (cbor2.dumps([True]), "kind"),
        (cbor2.dumps([-1]), "kind"),
        (cbor2.dumps([99]), "no kind 99"),
        (cbor2.dumps([7]), "Run: 0 fields of 3"),
        (b"\x81" * 400 + b"\0", "CBORDecode|tag|list"),
        (b"\x9b" + b"\xff" * 8, "CBORDecode|tag|list"),
        (cbor2.dumps([2, "x" * MOST_MESSAGE_BYTES]), "too many"),
        (cbor2.dumps([4, 1.0, 0]), "Beat: not a whole number"),
        (cbor2.dumps([4, True, 0]), "Beat: not a whole number"),
        (cbor2.dumps([4, -1, 0]), "Beat: not a whole number"),
        (cbor2.dumps([3, 0, 5]), "Bye: not a text"),
        (cbor2.dumps([5, b"short", b"x"]), "ContainerBytes: not 32 to 32 bytes"),
        (cbor2.dumps([20, 1, DIGEST, b"short"]), "AskCases: not 32 to 32 bytes"),
        (cbor2.dumps([20, 1, DIGEST, ""]), "AskCases: not 32 to 32 bytes"),
        (cbor2.dumps([22, DIGEST, bytes(19)]), "LearnedCases: 19 bytes are no rows of 20"),
        (cbor2.dumps([22, DIGEST, bytes(20 * 16_385)]), "LearnedCases: not 0 to 327680 bytes"),
        (cbor2.dumps([22, DIGEST, [[b"c" * 16, 1, False]]]), "LearnedCases: not 0 to"),
    ],
)
def test_what_is_refused(data: bytes, what: str) -> None:
    with pytest.raises(BadMessage, match=what):
        decode(data)


@pytest.mark.parametrize(
    "row",
    [
        [],
        [0, 0, 0, 0, b""],
        [0, 0, 0, 1],
        [0, 200, 0, 1, b""],
        [-1, 0, 0, 1, b""],
        [0, 0, -2, 1, b""],
        [0, 0, 0, 1, "text"],
        [0, 0, 0, 1, b"x" * (MOST_BODY_BYTES + 1)],
        [False, 0, 0, 1, b""],
        {"tag": 1},
    ],
)
def test_jobs_that_no_client_submits(row: object) -> None:
    with pytest.raises(BadMessage):
        decode(cbor2.dumps([Submit.KIND, DIGEST, [row]]))


def test_control_characters_do_not_reach_logs() -> None:
    with pytest.raises(BadMessage, match="control characters"):
        decode(cbor2.dumps([1, 1, 1, "evil\x1b[2J", SESSION, "ann"]))


def test_a_text_for_people_has_lines_and_no_escapes() -> None:
    message = decode(cbor2.dumps([3, 0, "stopped\n\x1b[2Jfor now"]))
    assert message is not None
    assert message.text == "stopped\n�[2Jfor now"  # type: ignore[union-attr]


def test_fields_of_newer_peers_are_ignored_and_those_of_older_ones_have_defaults() -> None:
    assert decode(cbor2.dumps([4, 1, 2, "news", [3]])) == Beat(1, 2)
    assert decode(cbor2.dumps([4, 1])) == Beat(1)
    assert decode(cbor2.dumps([200, "news"])) is None


def test_a_role_is_looked_at_before_the_fields() -> None:
    with pytest.raises(BadMessage, match="Submit is not for its role"):
        decode(cbor2.dumps([Submit.KIND, "nonsense"]), allowed=(Hello, Beat))


def test_what_is_too_large_is_not_sent() -> None:
    jobs = tuple(SubmittedJob(n, 0, 0, 1, b"x" * MOST_BODY_BYTES) for n in range(9))
    with pytest.raises(BadMessage, match="too many"):
        encode(Submit(DIGEST, jobs))


def test_bulk_requests_are_not_answers() -> None:
    assert BULK.decode(BULK.encode(Need(1, (DIGEST,))), allowed=(Need,)) == Need(1, (DIGEST,))
    with pytest.raises(BadMessage):
        BULK.decode(BULK.encode(Get(1, (DIGEST,))), allowed=(Need,))


@pytest.mark.parametrize("size", [0, 1, 23, 24, 255, 256, 65_535, 65_536, 500_000])
def test_bulky_messages_have_the_bytes_that_cbor2_would_give_them(size: int) -> None:
    data = b"x" * size
    blobs = tuple(Blob(DIGEST, data[: size % 400]) for _ in range(min(size, 1000)))
    for message, plain in (
        (Put(5, blobs), [3, 5, [list(blob) for blob in blobs]]),
        (PutPart(6, DIGEST, 1 << 33, 77, data), [4, 6, DIGEST, 1 << 33, 77, data]),
        (Blobs(7, blobs, (DIGEST,)), [7, 7, [list(blob) for blob in blobs], [DIGEST], []]),
        (Part(8, 1 << 36, data), [9, 8, 1 << 36, data]),
    ):
        assert BULK.encode(message) == cbor2.dumps(plain)
        assert BULK.decode(BULK.encode(message)) == message


sizes = st.integers(0, 64 << 30)


@given(st.integers(1, (1 << 63) - 1), sizes, sizes, st.integers(60_000, MOST_PART_BYTES))
def test_long_parts_are_read_as_short_ones(number: int, size: int, at: int, length: int) -> None:
    message = PutPart(number, DIGEST, size, at, bytes(range(256)) * (length // 256))
    data = cbor2.dumps([PutPart.KIND, number, DIGEST, size, at, message.data])
    assert data == BULK.encode(message)
    assert BULK.decode(data) == message
    assert BULK.encode(BULK.decode(data)) == data


def test_a_long_part_is_not_copied() -> None:
    data = BULK.encode(Part(1, 1 << 20, bytes(MOST_PART_BYTES)))
    part = BULK.decode(data)
    assert isinstance(part.data, memoryview)
    assert part.data.obj is data


LONG = BULK.encode(PutPart(1 << 40, DIGEST, 1 << 20, 70_000, bytes(70_000)))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (LONG + b"\0", "1 bytes after its end"),
        (LONG[:-1], "CBORDecode"),
        (b"\x85" + LONG[1:], "bytes after its end"),
        (b"\x87" + LONG[1:], "CBORDecode"),
        (b"\x9f" + LONG[1:] + b"\xff", "CBORDecode"),
        (LONG.replace(b"\x58\x20", b"\x5f\x20", 1), "CBORDecode"),
        (LONG.replace(b"\x5a", b"\x7a", 1), "PutPart: not 0 to"),
        (cbor2.dumps([4, 1, bytes(70_000), 1, 0, b""]), "not 32 to 32 bytes"),
        (cbor2.dumps([4, 1, DIGEST, bytes(70_000), 0, b""]), "not a whole number"),
        (cbor2.dumps([bytes(70_000)]), "not a list with a kind"),
        (cbor2.dumps([9, 1, 1, bytes(MOST_PART_BYTES + 1)]), "Part: not 0 to"),
        (cbor2.dumps([9, 1 << 70, 1, bytes(70_000)]), "CBORDecode|tag"),
        (cbor2.dumps([10, 1, 1, "x" * 70_000]), "Refused: not a text"),
    ],
)
def test_what_is_refused_of_long_messages(data: bytes, what: str) -> None:
    with pytest.raises(BadMessage, match=what):
        BULK.decode(data)


@pytest.mark.parametrize("end", range(1, 70))
def test_a_long_message_that_is_cut_off_is_refused(end: int) -> None:
    with pytest.raises(BadMessage):
        BULK.decode(LONG[:end] + bytes(69_000))
