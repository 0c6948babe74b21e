"""Whole lines out of the pieces in which output comes, bytes as they are. Pure."""

MOST_BYTES = 16 * 1024
"""Of one line; a longer one is shown in parts."""


class PrefixedLines:
    """Puts something in front of every line of a stream.

    What is held back is never longer than `MOST_BYTES`.
    """

    def __init__(self, prefix: bytes) -> None:
        self._prefix = prefix
        self._rest = b""

    def take(self, data: bytes) -> bytes:
        """Take in a piece; the lines that are whole by that."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        shown = [self._prefix + line for line in whole]
        while len(self._rest) > MOST_BYTES:
            shown.append(self._prefix + self._rest[:MOST_BYTES])
            self._rest = self._rest[MOST_BYTES:]
        return b"".join(line + b"\n" for line in shown)

    def end(self) -> bytes:
        """What is left, as nothing will follow."""
        rest, self._rest = self._rest, b""
        return self._prefix + rest + b"\n" if rest else b""
