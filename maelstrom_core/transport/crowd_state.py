"""Whose connections there are, and which of them is one too many. Pure.

Each connection is a descriptor of the broker's, of which there is an end. libzmq says of which key a
connection is with its first message, and not before: ZAP hears of keys and of no descriptors, and of
no end of a connection. So there are two kinds, and a limit for each. Those that have *spoken* count
for their key; one may have half of what others leave, so that there is room for the next, as for blobs
on the broker's disk. Those that are *silent* may be anybody's. Of them a third of all is kept, and the
oldest goes first: whoever is honest speaks as soon as keys are exchanged, and comes again if it was cut.
"""

from collections import Counter

_SILENT_PART = 3
_KEY_PART = 2
_LEAST = 4


class CrowdState:
    """All connections of one listener, by descriptor.

    :param most: how many there may be
    """

    def __init__(self, most: int) -> None:
        self.most_silent = max(_LEAST, most // _SILENT_PART)
        self.most_spoken = max(_LEAST, most - self.most_silent)
        self._silent: dict[int, None] = {}
        """The oldest first."""
        self._key_of: dict[int, str] = {}
        self._of_key: Counter[str] = Counter()

    def came(self, descriptor: int) -> list[int]:
        """A connection is there; which ones are to be cut for it."""
        self.left(descriptor)
        self._silent[descriptor] = None
        if len(self._silent) <= self.most_silent:
            return []
        oldest = next(iter(self._silent))
        del self._silent[oldest]
        return [oldest]

    def spoke(self, descriptor: int, key: str) -> bool:
        """A message of that key has come over it; whether it may stay."""
        if self._key_of.get(descriptor) == key:
            return True
        self.left(descriptor)
        own = self._of_key[key]
        others = len(self._key_of) - own
        if own >= max(1, (self.most_spoken - others) // _KEY_PART):
            return False
        self._key_of[descriptor] = key
        self._of_key[key] += 1
        return True

    def falls_silent(self, descriptor: int) -> list[int]:
        """Who has spoken was another, before it; which ones are to be cut."""
        return self.came(descriptor)

    def left(self, descriptor: int) -> None:
        """It is there no more."""
        self._silent.pop(descriptor, None)
        key = self._key_of.pop(descriptor, None)
        if key is not None:
            self._of_key[key] -= 1
            if not self._of_key[key]:
                del self._of_key[key]

    def check(self) -> None:
        """What always holds; for tests."""
        assert len(self._silent) <= self.most_silent
        assert len(self._key_of) <= self.most_spoken
        assert not self._silent.keys() & self._key_of.keys()
        assert Counter(self._key_of.values()) == self._of_key
