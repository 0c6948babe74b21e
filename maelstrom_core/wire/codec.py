"""Messages ↔ bytes. Nothing that a peer sends makes this slow, large, or raise anything but
`BadMessage`. Pure.

The strict profile of CBOR: no tags, no maps, definite lengths only, eight levels at most, nothing
after the item (RFC 8949; what each refuses was measured, see decision 0034).
"""

import io
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NoReturn, TypeVar

import attrs
import cbor2

from maelstrom_core.wire.messages import CHECKS, MOST_MESSAGE_BYTES, Message
from maelstrom_core.wire.shapes import BadMessage, Check, NotAllowed, shown

M = TypeVar("M")
_DEPTH = 8
_LONG_BYTES = 64 << 10
_MOST_ITEMS = 500_000
"""Of what is longer than a message, where a few bytes could be very many items."""
_LAST_KNOWN_BELOW = 128
"""A newer peer may send kinds from here on to an older one, which ignores them."""
_TAGS = (
    0,
    1,
    2,
    3,
    4,
    5,
    25,
    28,
    29,
    30,
    35,
    36,
    37,
    52,
    54,
    100,
    256,
    258,
    260,
    261,
    1004,
    43000,
    55799,
)
"""Those that cbor2 would make something of by itself."""


def _refuse(*_: Any) -> NoReturn:
    raise BadMessage("a tag")


_REFUSED = dict.fromkeys(_TAGS, _refuse)


class Codec:
    """Messages of one kind of link.

    :param checks: of each class, checks of its fields in order; a class has a ``KIND``
    :param bulky: classes of messages that are long byte strings for the most part
    """

    def __init__(
        self, checks: Mapping[type, tuple[Check, ...]], bulky: Collection[type] = ()
    ) -> None:
        self._bulky = frozenset(bulky)
        self._by_kind: dict[int, tuple[type, tuple[Check, ...], int]] = {}
        self._names: dict[type, tuple[int, tuple[str, ...]]] = {}
        for cls, of_fields in checks.items():
            fields = attrs.fields(cls)
            assert len(fields) == len(of_fields), cls
            kind = vars(cls)["KIND"]
            assert kind not in self._by_kind, cls
            needed = sum(field.default is attrs.NOTHING for field in fields)
            self._by_kind[kind] = (cls, of_fields, needed)
            self._names[cls] = (kind, tuple(field.name for field in fields))

    def encode(self, message: Any) -> bytes:
        """Bytes of a message.

        :raises BadMessage: if it is larger than a message may be: a fault of ours
        """
        kind, names = self._names[type(message)]
        fields = [kind, *(getattr(message, name) for name in names)]
        data = _joined(fields) if type(message) in self._bulky else cbor2.dumps(fields)
        if len(data) > MOST_MESSAGE_BYTES:
            raise BadMessage(f"{type(message).__name__}: {len(data)} bytes are too many")
        return data

    def decode(self, data: bytes, allowed: Iterable[type] | None = None) -> Any:
        """A message out of bytes that a peer has sent. Of a bulky class, a long byte string is a view
        of ``data``.

        :param allowed: what its role may send; everything by default. Looked at before the fields are
        :return: ``None`` for a kind that only newer peers know
        :raises BadMessage: whatever is wrong with them
        :raises NotAllowed: if it is of a class that may not come
        """
        if len(data) > MOST_MESSAGE_BYTES:
            raise BadMessage(f"{len(data)} bytes are too many")
        item = _flat(data) if self._bulky and len(data) >= _LONG_BYTES else None
        kind, fields = _kind_and_fields(_item(data) if item is None else item)
        known = self._by_kind.get(kind)
        if known is None:
            if kind >= _LAST_KNOWN_BELOW:
                return None
            raise BadMessage(f"there is no kind {kind}")
        cls, checks, needed = known
        if allowed is not None and cls not in allowed:
            raise NotAllowed(f"{cls.__name__} is not for its role to send")
        if len(fields) < needed:
            raise BadMessage(f"{cls.__name__}: {len(fields)} fields of {needed}")
        try:
            # Both ends differ in length when the peer is newer or older than we are.
            return cls(*[check(field) for check, field in zip(checks, fields, strict=False)])
        except BadMessage as fault:
            raise BadMessage(f"{cls.__name__}: {fault}") from None


def pack(item: list[Any]) -> bytes:
    """Bytes of a list that is no message: what is in bodies."""
    return cbor2.dumps(item)


def unpack(data: bytes) -> list[Any]:
    """The list again, in the strict profile; as long as the caller lets it be.

    :raises BadMessage: whatever is wrong with the bytes, or if there are too many items in it
    """
    if len(data) > MOST_MESSAGE_BYTES:
        _check_count(data)
    item = _item(data)
    if type(item) is not list:
        raise BadMessage(f"not a list: {shown(item)}")
    return item


def _check_count(data: bytes) -> None:
    """Count the items before they are made: an empty list takes 64 times as much as its byte."""
    at = count = 0
    while at < len(data):
        count += 1
        if count > _MOST_ITEMS:
            raise BadMessage(f"more than {_MOST_ITEMS} items")
        kind, size = data[at] >> 5, data[at] & 31
        at += 1
        if size >= 24:
            width = 1 << size - 24
            size = int.from_bytes(data[at : at + width], "big") if width <= 8 else 0
            at += width
        if kind in (2, 3):
            at += size


def _joined(value: Any) -> bytes:
    """The same bytes as cbor2's, which copies byte strings byte by byte.

    Half a mebibyte takes it 0.8 ms, joining 0.02.
    """
    pieces: list[bytes] = []
    _append(value, pieces)
    return b"".join(pieces)


def _append(value: Any, pieces: list[bytes]) -> None:
    if type(value) in (bytes, memoryview):
        pieces += (_head(0x40, len(value)), value)
    elif isinstance(value, list | tuple):
        pieces.append(_head(0x80, len(value)))
        for one in value:
            _append(one, pieces)
    else:
        pieces.append(cbor2.dumps(value))


def _head(major: int, size: int) -> bytes:
    """How a byte string or list of so many begins (RFC 8949, section 3)."""
    if size < 24:
        return bytes((major | size,))
    if size < 1 << 8:
        return bytes((major | 24, size))
    if size < 1 << 16:
        return bytes((major | 25,)) + size.to_bytes(2, "big")
    return bytes((major | 26,)) + size.to_bytes(4, "big")


def _kind_and_fields(item: Any) -> tuple[int, list[Any]]:
    if type(item) is not list or not item or type(item[0]) is not int or item[0] < 0:
        raise BadMessage("not a list with a kind")
    return item[0], item[1:]


def _flat(data: bytes) -> list[Any] | None:
    """A list of whole numbers and byte strings, of which long ones are not copied.

    :return: ``None`` for any other: cbor2 says what it is
    """
    view = memoryview(data)
    if not 0x81 <= view[0] <= 0x97:
        return None
    items: list[Any] = []
    position = 1
    for _ in range(view[0] & 0x1F):
        if position >= len(view):
            return None
        major, number = view[position] & 0xE0, view[position] & 0x1F
        position += 1
        if 24 <= number <= 27:
            width = 1 << (number - 24)
            number = int.from_bytes(view[position : position + width], "big")
            position += width
        elif number > 27:
            return None
        if major == 0x00:
            items.append(number)
        elif major == 0x40:
            piece = view[position : position + number]
            items.append(piece if number >= _LONG_BYTES else bytes(piece))
            position += number
        else:
            return None
    return items if position == len(view) else None


def _item(data: bytes) -> Any:
    try:
        # Not `loads`, which takes a prefix for the whole.
        stream = io.BytesIO(data)
        item = cbor2.load(
            stream,
            max_depth=_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
            tag_hook=_refuse,
            object_hook=_refuse,
            semantic_decoders=_REFUSED,
        )
        if stream.tell() != len(data):
            raise BadMessage(f"{len(data) - stream.tell()} bytes after its end")
    except BadMessage:
        raise
    except Exception as error:
        # cbor2 lets several kinds through (overflow, unicode, memory); all mean the same here.
        raise BadMessage(f"{type(error).__name__}: {shown(str(error))}") from None
    return item


CONTROL = Codec(CHECKS)


def encode(message: Message) -> bytes:
    """Bytes of a message of a control link."""
    return CONTROL.encode(message)


def decode(data: bytes, allowed: Iterable[type] | None = None) -> Message | None:
    """A message of a control link; see `Codec.decode`."""
    found: Message | None = CONTROL.decode(data, allowed)
    return found
