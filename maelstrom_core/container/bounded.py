"""How much of a stream is passed on, and how much is only counted. Standard library only."""

from collections import deque


class Bounded:
    """Passes on the first bytes of a stream, keeps the last ones, counts the rest."""

    def __init__(self, limit: int, *, keep_tail: bool) -> None:
        self.limit = limit
        self.keep_tail = keep_tail
        self.passed = 0
        self.head_left = limit if not keep_tail else limit - limit // 2
        self.tail_limit = limit // 2 if keep_tail else 0
        self.tail: deque[bytes] = deque()
        self.tail_bytes = 0
        self.total = 0

    def take(self, data: bytes) -> bytes:
        """Take in some bytes; return those to be passed on at once."""
        self.total += len(data)
        now, later = data[: self.head_left], data[self.head_left :]
        self.head_left -= len(now)
        self.passed += len(now)
        if later and self.tail_limit:
            self.tail.append(later)
            self.tail_bytes += len(later)
            while self.tail_bytes - len(self.tail[0]) >= self.tail_limit:
                self.tail_bytes -= len(self.tail.popleft())
        return now

    def last(self) -> bytes:
        """The last bytes that were not passed on, as many as may be kept."""
        return b"".join(self.tail)[-self.tail_limit :] if self.tail_limit else b""

    def rest(self) -> bytes:
        """What was not passed on, as much of it as may be kept, after how much is missing."""
        last = self.last()
        missing = self.total - self.passed - len(last)
        return f"\n[… {missing} bytes omitted …]\n".encode() + last if missing else last

    def renewed(self) -> "Bounded":
        """The same for what comes next."""
        return Bounded(self.limit, keep_tail=self.keep_tail)
