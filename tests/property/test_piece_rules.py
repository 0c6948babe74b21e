"""Hypothesis loses, repeats and delays what is said at a terminal: what comes is what was said, piece by
piece and in order, and no more waits than is bearable.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from maelstrom_core.cluster.pieces_state import (
    AGAIN_SECONDS,
    MOST_PIECES,
    Incoming,
    Outgoing,
    Piece,
)
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.terminals import (
    MOST_PIECE_BYTES,
    HadTerminal,
    Shows,
    ShowTerminal,
    Types,
    TypeTerminal,
)

KEY = (b"s" * 16, 7, b"the run")
MOST_BYTES = 40_000
LONGEST = 50_000


def joined(pieces: list[Piece]) -> list[Piece]:
    """However what is of one kind was cut, and whichever sizes were overtaken by others."""
    found: list[Piece] = []
    for piece in pieces:
        last = found[-1] if found else None
        if last is not None and last.what == piece.what and piece.data and last.data:
            found[-1] = Piece(piece.what, last.data + piece.data)
        elif last is not None and last.what == piece.what == Types.SIZE:
            found[-1] = piece
        else:
            found.append(piece)
    return found


class PieceRules(RuleBasedStateMachine):
    """From a client to its worker; the other direction is the same machine, and other messages."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.there = Outgoing(MOST_BYTES)
        self.here = Incoming(MOST_BYTES)
        self.said: list[Piece] = []
        self.took: list[Piece] = []
        self.on_their_way: list[Any] = []

    @precondition(lambda self: not self.there.is_full)
    @rule(size=st.sampled_from([1, 2, MOST_PIECE_BYTES, LONGEST]), key=st.integers(0, 255))
    def types(self, size: int, key: int) -> None:
        data = bytes([key]) * size
        self.said.append(Piece(Types.DATA, data))
        self.there.add(Types.DATA, data)

    @precondition(lambda self: not self.there.is_full)
    @rule()
    def hangs_up(self) -> None:
        """Nothing stands for the end of the input: it becomes one with nothing else."""
        self.said.append(Piece(Types.DATA))
        self.there.add(Types.DATA)

    @precondition(lambda self: not self.there.is_full)
    @rule(rows=st.integers(0, 65_535), columns=st.integers(0, 65_535))
    def resizes(self, rows: int, columns: int) -> None:
        self.said.append(Piece(Types.SIZE, b"", (rows, columns)))
        self.there.add(Types.SIZE, b"", rows, columns)

    @rule(seconds=st.sampled_from([0.1, AGAIN_SECONDS]), again=st.booleans())
    def sends(self, seconds: float, again: bool) -> None:
        self.now += seconds
        if again:
            self.there.send_again()
        was_due = self.there.send_at <= self.now
        sent = self.there.take(now=self.now)
        assert bool(sent) == was_due
        self.on_their_way += [
            TypeTerminal(*KEY, number, piece.what, piece.data, *piece.numbers)
            for number, piece in sent
        ]

    @precondition(lambda self: self.on_their_way)
    @rule(data=st.data(), twice=st.booleans())
    def one_arrives(self, data: Any, twice: bool) -> None:
        """Any: connections keep an order, and what goes over the next one comes before."""
        at = data.draw(st.integers(0, len(self.on_their_way) - 1))
        self.arrives(self.on_their_way[at] if twice else self.on_their_way.pop(at))

    @precondition(lambda self: self.on_their_way)
    @rule()
    def all_are_lost(self) -> None:
        self.on_their_way.clear()

    @rule(most=st.integers(1, 5), says=st.booleans())
    def takes(self, most: int, says: bool) -> None:
        for _ in range(most):
            piece = self.here.take()
            if piece is None:
                break
            self.took.append(piece)
            self.here.done()
        if says:
            self.on_their_way.append(HadTerminal(*KEY, self.here.count))

    def arrives(self, message: Any) -> None:
        # As it travels.
        match decode(encode(message), (TypeTerminal, HadTerminal)):
            case TypeTerminal(_, _, _, number, what, data, rows, columns):
                numbers = (rows, columns) if what == Types.SIZE else ()
                self.here.came(number, Piece(what, data, numbers))
            case HadTerminal(_, _, _, count):
                self.there.had(count, now=self.now)

    @invariant()
    def what_was_taken_is_what_was_said(self) -> None:
        said, took = joined(self.said), joined(self.took)
        # Of the last one some may be missing, or a later size may have come.
        assert took[:-1] == said[: len(took[:-1])]
        if took:
            last, meant = took[-1], said[len(took) - 1]
            assert last.what == meant.what
            assert meant.data.startswith(last.data)

    @invariant()
    def no_more_waits_than_is_bearable(self) -> None:
        assert self.there._bytes < MOST_BYTES + LONGEST
        assert self.here._bytes < MOST_BYTES + MOST_PIECE_BYTES
        assert len(self.there._pieces) <= MOST_PIECES + LONGEST // MOST_PIECE_BYTES + 1
        assert len(self.here._waiting) <= MOST_PIECES

    def teardown(self) -> None:
        """With connections that hold, all of it comes, and is forgotten."""
        for _ in range(2000):
            if self.there.is_empty:
                break
            self.sends(AGAIN_SECONDS, again=False)
            for message in self.on_their_way:
                self.arrives(message)
            self.on_their_way.clear()
            self.takes(MOST_PIECES, says=True)
        assert self.there.is_empty
        assert joined(self.took) == joined(self.said)


TestPieceRules = PieceRules.TestCase
TestPieceRules.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_a_lie_about_what_was_had_forgets_nothing() -> None:
    there = Outgoing(MOST_BYTES)
    there.add(Shows.DATA, b"shown")
    there.had(1, now=0.0)
    (number, piece), *others = there.take(now=0.0)
    assert (number, piece, others) == (0, Piece(Shows.DATA, b"shown"), [])
    there.had(2, now=0.0)
    there.had(1 << 60, now=0.0)
    assert not there.is_empty
    there.had(1, now=0.0)
    assert there.is_empty


def test_both_directions_travel() -> None:
    shown = ShowTerminal(*KEY, 3, Shows.LEAVES, b"", 4)
    assert decode(encode(shown)) == shown
    had = HadTerminal(*KEY, 9)
    assert decode(encode(had)) == had
