"""Whole lines out of the pieces in which output comes. Pure."""

import re

import attrs

PATIENCE_SECONDS = 1.0
"""How long a line may be unfinished before it is shown as it is."""
MOST_BYTES = 16 * 1024
"""Of one line; a longer one is shown in parts."""
# A progress bar writes over its line again and again: each state of it is a line of its own.
_ENDS = re.compile(rb"\r?\n\r?|\r(?=[^\r\n])")
_RETURNS = re.compile(rb"\r+")


@attrs.define
class Lines:
    """Takes one stream's pieces and gives its lines.

    What is held back is never longer than `MOST_BYTES`.
    """

    _rest: bytes = b""
    _since: float = 0.0

    def take(self, data: bytes, *, now: float) -> list[str]:
        """Take in a piece; the lines that are whole by that, without their ends."""
        if not self._rest:
            self._since = now
        *whole, rest = _ENDS.split(_RETURNS.sub(b"\r", self._rest + data).lstrip(b"\r"))
        lines = [part for line in whole for part in _parts(line)]
        if whole:
            self._since = now
        *parts, self._rest = _parts(rest)
        return [_text(line) for line in (*lines, *parts)]

    def due(self, *, now: float) -> list[str]:
        """The unfinished line, if nobody should have to wait for the rest of it any longer."""
        if now < self._since + PATIENCE_SECONDS:
            return []
        # What was begun of a character waits for its end.
        line, self._rest = _cut(self._rest, len(self._rest))
        return [_text(line)] if line.rstrip(b"\r") else []

    def end(self) -> list[str]:
        """The unfinished line, as nothing will follow."""
        line, self._rest = self._rest, b""
        return [_text(line)] if line.rstrip(b"\r") else []


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode("utf-8", "replace")


def _parts(line: bytes) -> list[bytes]:
    """A line, in parts if it is too long."""
    parts = []
    while len(line) > MOST_BYTES:
        part, line = _cut(line, MOST_BYTES)
        parts.append(part)
    return [*parts, line]


def _cut(data: bytes, size: int) -> tuple[bytes, bytes]:
    """Cut into two at a size, or up to three bytes before it: not within a character."""
    for back in range(1, min(3, size) + 1):
        byte = data[size - back]
        if byte < 0x80:
            break
        if byte >= 0xC0:
            wanted = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            size -= back if wanted > back else 0
            break
    return data[:size], data[size:]
