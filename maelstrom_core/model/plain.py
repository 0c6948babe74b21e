"""Values ↔ plain data ↔ canonical CBOR. The one door to ``cbor2`` and ``cattrs``. Pure.

Canonical (RFC 8949, section 4.2) so that equal values have equal bytes and hence equal digests.
What turns values into data is made when it is first wanted: a run on this machine seldom does, and
would wait for it.
"""

import functools
import io
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import attrs
import cbor2

from maelstrom_core.errors import InputError
from maelstrom_core.model.digest import BadDigest, Digest

T = TypeVar("T")
_WTF_8 = 273
"""Tag of texts that are not UTF-8, as names of files and values of variables need not be (IANA)."""

_unions: list[Any] = []

if TYPE_CHECKING:
    from cattrs import Converter


def tagged_union(union: Any) -> None:
    """Register a union of attrs classes; its members are told apart by a key ``kind``.

    To be called where the union is defined, so that it is known before any value is turned.
    """
    _unions.append(union)
    _converter.cache_clear()


@functools.cache
def _converter() -> "Converter":
    from cattrs.preconf.cbor2 import make_converter
    from cattrs.strategies import configure_tagged_union

    converter = make_converter(forbid_extra_keys=True, omit_if_default=True)
    converter.register_unstructure_hook(Digest, lambda digest: digest.hex)
    converter.register_structure_hook(Digest, lambda text, _: Digest(text))
    converter.register_structure_hook(bytes, _bytes_only)
    for union in _unions:
        configure_tagged_union(union, converter, tag_name="kind", tag_generator=_kind)
    return converter


def _bytes_only(value: Any, _: Any) -> bytes:
    # By itself it would make as many zeros of a number as that says.
    if type(value) is not bytes:
        raise ValueError("not bytes")
    return value


def _kind(cls: type) -> str:
    return cls.__name__


def to_plain(value: Any, *, union: Any = None) -> Any:
    """Turn an attrs value into dicts, lists, texts, bytes and numbers.

    :param union: the union of which ``value`` is a member, so that a ``kind`` is written
    """
    return _converter().unstructure(value, unstructure_as=union)


def from_plain(cls: type[T], data: Any, *, what: str = "data") -> T:
    """Turn plain data into a value of ``cls``.

    :raises InputError: all faults of ``data``, each with its path
    """
    import cattrs

    try:
        return _converter().structure(data, cls)
    except (
        cattrs.BaseValidationError,
        BadDigest,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        OverflowError,
    ) as error:
        raise InputError(f"bad {what}", _faults(error, what)) from None


def _faults(error: BaseException, what: str) -> list[str]:
    import cattrs

    try:
        return cattrs.transform_error(error, path=what)
    except Exception:  # keys that are no texts are more than it can tell of
        return [f"{what}: {type(error).__name__}"]


def encode(value: Any) -> bytes:
    """Canonical CBOR of an attrs value or of plain data."""
    plain = to_plain(value) if attrs.has(type(value)) else value
    try:
        return cbor2.dumps(plain, canonical=True)
    except UnicodeEncodeError:
        return cbor2.dumps(_tagged(plain), canonical=True)


def _tagged(plain: Any) -> Any:
    """The same data with a tag at each text that UTF-8 cannot say."""
    match plain:
        case str():
            data = plain.encode("utf-8", "surrogatepass")
            return plain if data.decode(errors="ignore") == plain else cbor2.CBORTag(_WTF_8, data)
        case list() | tuple():
            return [_tagged(one) for one in plain]
        case dict():
            return {_tagged(key): _tagged(value) for key, value in plain.items()}
        case _:
            return plain


def _untagged(*given: Any) -> Any:
    """What a tag stands for; versions of cbor2 differ in what else they tell."""
    (tag,) = (one for one in given if isinstance(one, cbor2.CBORTag))
    if tag.tag != _WTF_8 or type(tag.value) is not bytes:
        raise ValueError("a tag that nothing of ours has")
    return tag.value.decode("utf-8", "surrogatepass")


def _refuse(*_: Any) -> NoReturn:
    raise ValueError("a tag that nothing of ours has")


_NO_TAGS = dict.fromkeys((*range(1024), 43000, 55799), _refuse)
"""All that cbor2 would make something of by itself, and more: some take seconds, or endless memory."""
_ONE_TAG = {tag: refuse for tag, refuse in _NO_TAGS.items() if tag != _WTF_8}
_DEPTH = 64
_READ_BYTES = 4096
"""At once, by a decoder of items."""


def decode(data: bytes) -> Any:
    """Plain data out of CBOR, of a peer's as well: nothing in it does harm but by its length.

    :raises InputError: whatever is wrong with the bytes
    """
    try:
        # Not `loads`, which takes a prefix for the whole.
        stream = io.BytesIO(data)
        item = cbor2.load(
            stream,
            max_depth=_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            tag_hook=_untagged,
            semantic_decoders=_ONE_TAG,
        )
        if stream.tell() != len(data):
            raise ValueError(f"{len(data) - stream.tell()} bytes after its end")
        return item
    except Exception as error:
        # cbor2 lets several kinds through (recursion, overflow, unicode); all mean the same here.
        raise InputError("bad CBOR", [f"{type(error).__name__}: {error}"]) from None


class _Bounded(io.BytesIO):
    """Bytes of which no more is read for one item than it may have."""

    left = 0

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        self.left -= size
        if size < 0 or self.left < 0:
            raise ValueError("one item is larger than it may be")
        return super().read(size)


class Items:
    """Items of CBOR of a peer, one after the other, for data that has no use for tags. However large it
    is, no more of it is in memory as data than one item takes, which is up to 64 times its bytes.

    :param start: where the first begins
    :param depth: of lists and maps within one another, at most
    :param most_bytes: of one item, about
    """

    def __init__(self, data: bytes, start: int, *, depth: int, most_bytes: int) -> None:
        self._stream = _Bounded(data)
        self._stream.seek(start)
        self._size, self._most = len(data), most_bytes
        self._decoder = cbor2.CBORDecoder(
            self._stream,
            read_size=_READ_BYTES,
            max_depth=depth,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            tag_hook=_refuse,
            semantic_decoders=_NO_TAGS,
        )

    def next(self) -> Any:
        """The next item.

        :raises InputError: whatever is wrong with its bytes, or if it is too large
        """
        self._stream.left = self._most + _READ_BYTES
        try:
            return self._decoder.decode()
        except Exception as error:
            raise InputError("bad CBOR", [f"{type(error).__name__}: {error}"]) from None

    @property
    def is_at_end(self) -> bool:
        """Whether there are none any more."""
        return self._stream.tell() == self._size


def digest_of(value: Any) -> Digest:
    """Digest of the canonical bytes of a value: its name wherever it travels."""
    return Digest.of(encode(value))


__all__ = [
    "Items",
    "decode",
    "digest_of",
    "encode",
    "from_plain",
    "tagged_union",
    "to_plain",
]
