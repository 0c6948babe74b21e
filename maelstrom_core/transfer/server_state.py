"""What a broker's blob directory holds, for whom, and what has to go to make room. Pure.

One order of use for whole blobs and for what has come of others; only what nobody has touched for
`Limits.keep_seconds` ever goes, least recently used first. Every principal has a share of its own, so
none can take all, and runs into its own limit first.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import TypeAlias

import attrs

Key: TypeAlias = bytes | tuple[str, bytes]
"""A whole blob's digest; or whose upload it is, and of which blob."""
NOBODY = ""
"""Whose the blobs are of which an older version has not kept whose they are; it has no share to
exceed."""

_BLOCK_BYTES = 4096
_NAME_BYTES = 512


@attrs.frozen
class Limits:
    """How much is taken in.

    :param most_bytes: of everything on disk together
    :param most_blobs: their number, uploads included; each costs about 500 bytes of memory
    :param share_bytes: of one principal, uploads included
    :param rest_share: of what all others leave of ``most_bytes``, how much one principal may take: with
        less than 1 there is some left for whoever comes next, however many fill it together
    :param free_bytes: of the file system that are left free; what is in no use goes for them
    :param shed_bytes: that go at least when the file system has no room: what comes next has some then
    :param upload_bytes: of one principal's unfinished uploads, as large as they say they will be
    :param uploads: how many of these
    :param keep_seconds: how long what was touched stays in any case
    """

    most_bytes: int = 50 << 30
    most_blobs: int = 2_000_000
    share_bytes: int = 25 << 30
    rest_share: float = 1.0
    free_bytes: int = 0
    shed_bytes: int = 256 << 20
    upload_bytes: int = 16 << 30
    uploads: int = 64
    keep_seconds: float = 600.0


@attrs.frozen
class Full:
    """There is no room.

    :param text: whose limit it is, for people
    """

    text: str


def cost_of(size: int) -> int:
    """About how many bytes of disk a blob takes, its name and inode included."""
    return -(-size // _BLOCK_BYTES) * _BLOCK_BYTES + _NAME_BYTES


@attrs.define
class _Item:
    size: int
    owner: str
    used: float

    @property
    def cost(self) -> int:
        return cost_of(self.size)


@attrs.define
class _Share:
    """Of one principal; each table least recently used first."""

    blobs: OrderedDict[Key, None] = attrs.Factory(OrderedDict)
    uploads: OrderedDict[Key, None] = attrs.Factory(OrderedDict)
    bytes: int = 0
    upload_bytes: int = 0

    def table(self, key: Key) -> OrderedDict[Key, None]:
        return self.uploads if isinstance(key, tuple) else self.blobs


class Holdings:
    """The account of one blob directory."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.bytes = 0
        self._items: OrderedDict[Key, _Item] = OrderedDict()
        self._shares: dict[str, _Share] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: Key) -> bool:
        return key in self._items

    def size(self, key: Key) -> int | None:
        """Size in bytes of what is held; of an upload, what it will be."""
        item = self._items.get(key)
        return None if item is None else item.size

    def start_with(self, found: Iterable[tuple[Key, str, int, float]]) -> list[Key]:
        """Take in what the directory holds at the start.

        :param found: of each its key, whose it is, its size, and when it was used; oldest first
        :return: what has to go, since it is too much
        """
        for key, owner, size, used in found:
            self._add(key, _Item(size, owner, used))
        doomed: list[Key] = []
        while self.bytes > self.limits.most_bytes or len(self) > self.limits.most_blobs:
            doomed.append(next(iter(self._items)))
            self.remove(doomed[-1])
        for owner, share in list(self._shares.items()):
            while owner != NOBODY and (over := self._over(share)):
                doomed.append(next(iter(over)))
                self.remove(doomed[-1])
        return doomed

    def _over(self, share: _Share) -> OrderedDict[Key, None]:
        """What something has to go of: limits may be lower than they were. Empty if nothing has to."""
        limits = self.limits
        if share.upload_bytes > limits.upload_bytes or len(share.uploads) > limits.uploads:
            return share.uploads
        return share.uploads or share.blobs if share.bytes > limits.share_bytes else OrderedDict()

    def touch(self, key: Key, now: float) -> float | None:
        """Note that it is used; when it was so before, or none if it is not there."""
        item = self._items.get(key)
        if item is None:
            return None
        before, item.used = item.used, max(now, item.used)
        self._items.move_to_end(key)
        self._shares[item.owner].table(key).move_to_end(key)
        return before

    def place(self, key: Key, owner: str, size: int, now: float) -> list[Key] | Full:
        """Make room for something new and enter it.

        :return: what had to go for it; if there is no room, nothing has gone
        """
        assert key not in self._items
        chosen = self._to_evict(key, owner, cost_of(size), now)
        if isinstance(chosen, Full):
            return chosen
        for one in chosen:
            self.remove(one)
        self._add(key, _Item(size, owner, now))
        return chosen

    def complete(self, owner: str, digest: bytes, now: float) -> None:
        """An upload has become a blob that was not there; it is its owner's still."""
        item = self._items[owner, digest]
        self.remove((owner, digest))
        self._add(digest, attrs.evolve(item, used=now))

    def remove(self, key: Key) -> None:
        """It is gone, or on its way out."""
        item = self._items.pop(key)
        share = self._shares[item.owner]
        self.bytes -= item.cost
        share.bytes -= item.cost
        if isinstance(key, tuple):
            share.upload_bytes -= item.cost
        del share.table(key)[key]
        if not share.blobs and not share.uploads:
            del self._shares[item.owner]

    def idle(self, least_bytes: int, now: float) -> list[Key]:
        """Take out what nobody has touched for a while, about so many bytes of it."""
        doomed: list[Key] = []
        freed = 0
        for key, item in self._items.items():
            if freed >= least_bytes or not self._is_idle(item, now):
                break
            doomed.append(key)
            freed += item.cost
        for key in doomed:
            self.remove(key)
        return doomed

    def _add(self, key: Key, item: _Item) -> None:
        share = self._shares.setdefault(item.owner, _Share())
        self._items[key] = item
        share.table(key)[key] = None
        self.bytes += item.cost
        share.bytes += item.cost
        if isinstance(key, tuple):
            share.upload_bytes += item.cost

    def _to_evict(self, key: Key, owner: str, cost: int, now: float) -> list[Key] | Full:
        limits = self.limits
        chosen: dict[Key, int] = {}
        if owner != NOBODY:
            fault = self._own_to_evict(key, owner, cost, now, chosen)
            if fault:
                return Full(fault)
        share = self._shares.get(owner, _Share())
        weight = 1.0 if owner == NOBODY else 1.0 / limits.rest_share
        own = share.bytes + cost - sum(chosen.values())
        spare = limits.most_bytes - (self.bytes - share.bytes) - own * weight
        number = limits.most_blobs - len(self) - 1 + len(chosen)
        for one, item in self._items.items():
            if (spare >= 0 and number >= 0) or not self._is_idle(item, now):
                break
            if one not in chosen:
                chosen[one] = item.cost
                spare += item.cost * (weight if item.owner == owner else 1.0)
                number += 1
        if spare < 0:
            return Full(self._why_full())
        if number < 0:
            return Full(f"the broker's store is full of what is in use: {limits.most_blobs} blobs")
        return list(chosen)

    def _why_full(self) -> str:
        limits = self.limits
        text = f"the broker's store is full of what is in use: {limits.most_bytes} bytes"
        if limits.rest_share == 1.0:
            return text
        return f"{text}, of which one key may take {limits.rest_share:.0%} of what others leave"

    def _own_to_evict(
        self, key: Key, owner: str, cost: int, now: float, chosen: dict[Key, int]
    ) -> str:
        """Choose of a principal's own what exceeds its share; a fault if that is not enough."""
        limits, share = self.limits, self._shares.get(owner, _Share())
        if isinstance(key, tuple):
            spare = limits.upload_bytes - share.upload_bytes - cost
            number = limits.uploads - len(share.uploads) - 1
            for one in share.uploads:
                if (spare >= 0 and number >= 0) or not self._is_idle(self._items[one], now):
                    break
                chosen[one] = self._items[one].cost
                spare += chosen[one]
                number += 1
            if spare < 0:
                return f"unfinished uploads of one key may take {limits.upload_bytes} bytes"
            if number < 0:
                return f"one key may have {limits.uploads} unfinished uploads"
        spare = limits.share_bytes - share.bytes - cost + sum(chosen.values())
        for table in (share.uploads, share.blobs):
            for one in table:
                if spare >= 0 or not self._is_idle(self._items[one], now):
                    break
                if one not in chosen:
                    chosen[one] = self._items[one].cost
                    spare += chosen[one]
        return f"one key may fill {limits.share_bytes} bytes" if spare < 0 else ""

    def _is_idle(self, item: _Item, now: float) -> bool:
        return now - item.used >= self.limits.keep_seconds

    def check(self) -> None:
        """Assert what must always hold."""
        assert self.bytes == sum(item.cost for item in self._items.values())
        assert self.bytes <= self.limits.most_bytes
        assert len(self._items) <= self.limits.most_blobs
        used = [item.used for item in self._items.values()]
        assert used == sorted(used), "not in order of use"
        owned: dict[str, list[Key]] = {}
        for key, item in self._items.items():
            owned.setdefault(item.owner, []).append(key)
        assert owned.keys() == self._shares.keys()
        for owner, share in self._shares.items():
            keys = owned[owner]
            assert list(share.uploads) == [key for key in keys if isinstance(key, tuple)]
            assert list(share.blobs) == [key for key in keys if not isinstance(key, tuple)]
            assert share.bytes == sum(self._items[key].cost for key in keys)
            assert share.upload_bytes == sum(self._items[key].cost for key in share.uploads)
            if owner != NOBODY:
                assert share.bytes <= self.limits.share_bytes
                assert share.upload_bytes <= self.limits.upload_bytes
                assert len(share.uploads) <= self.limits.uploads
