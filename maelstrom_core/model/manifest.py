"""A directory tree as entries and digests: what a layer is. Pure.

The digest of a layer is the digest of its manifest's canonical bytes. Paths are relative, without
``.`` and ``..``, and bytes: a Linux file name need not be UTF-8.
"""

import enum
import re
import struct
from collections.abc import Iterable, Sequence

import attrs

from maelstrom_core.errors import InputError
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.plain import Items, encode

VERSION = 1
INLINE_BYTES = 256
"""Files up to this size travel within the manifest."""
_DEPTH = 4
"""A row, its attributes, one of them; and one to spare."""
MOST_ATTRIBUTE_BYTES = 64 << 10
"""Of all extended attributes of one entry together; the kernel takes no more for one."""
_LONGEST_ATTRIBUTE_NAME = 255
_MOST_ROW_BYTES = 256 << 10
"""Of one entry: two paths, inline data, attributes, and room for what may come. A larger one has to be
hostile, and would take 64 times as much memory as data."""
_MOST_ENTRIES = 1 << 32
_HEAD = b"\xa2\x67entries"
"""How canonical bytes of a manifest begin."""
_SIZES_OF_COUNTS = {0x98: 1, 0x99: 2, 0x9A: 4}
"""Bytes of the count after such a first byte of an array."""


class EntryKind(enum.IntEnum):
    """What an entry is."""

    FILE = 0
    DIRECTORY = 1
    SYMLINK = 2
    HARDLINK = 3
    WHITEOUT = 4
    FIFO = 5


@attrs.frozen(kw_only=True)
class Entry:
    """One name in a tree.

    :param path: relative to the root of the tree
    :param mode: permission bits, setuid and sticky included
    :param mtime_ns: nanoseconds since 1970
    :param size: bytes, of a file
    :param digest: of a file's bytes; ``None`` if they are in ``data``
    :param data: the bytes of a small file
    :param target: what a symlink points at; the path of another entry for a hard link
    :param opaque: a directory that hides what lower layers have in it
    :param attributes: extended ones of a file or directory, sorted by name
    """

    path: bytes
    kind: EntryKind
    mode: int = 0o644
    mtime_ns: int = 0
    size: int = 0
    digest: Digest | None = None
    data: bytes | None = None
    target: bytes = b""
    opaque: bool = False
    attributes: tuple[tuple[bytes, bytes], ...] = ()


def _row(entry: Entry) -> list[object]:
    digest = bytes.fromhex(entry.digest.hex) if entry.digest else None
    row: list[object] = [
        entry.path,
        int(entry.kind),
        entry.mode,
        entry.mtime_ns,
        entry.size,
        digest,
        entry.data,
        entry.target,
        entry.opaque,
    ]
    # Rows without them are as they were before there were any, and so are the digests.
    return [*row, [list(pair) for pair in entry.attributes]] if entry.attributes else row


def encode_manifest(entries: Iterable[Entry]) -> bytes:
    """Canonical bytes: sorted by path, so that equal trees have equal digests."""
    rows = [_row(entry) for entry in sorted(entries, key=lambda entry: entry.path)]
    return encode({"version": VERSION, "entries": rows})


def encode_row(entry: Entry) -> bytes:
    """The part of a manifest that is of one entry; a fraction of the memory that the entry takes."""
    return encode(_row(entry))


def join_rows(rows: Sequence[bytes]) -> bytes:
    """What `encode_manifest` would make of the entries of these rows, which are sorted by path."""
    head = encode({"entries": [], "version": VERSION})
    empty = encode([])
    before, after = head.split(empty, 1)
    return b"".join((before, _array_head(len(rows)), *rows, after))


def _array_head(count: int) -> bytes:
    """How a CBOR array of so many items begins (RFC 8949, section 3)."""
    if count < 24:
        return bytes([0x80 | count])
    for code, form in ((0x98, ">B"), (0x99, ">H"), (0x9A, ">I")):
        if count < 1 << (8 * struct.calcsize(form)):
            return bytes([code]) + struct.pack(form, count)
    raise ValueError(f"{count} entries are too many")


def decode_manifest(data: bytes, *, most_entries: int = _MOST_ENTRIES) -> tuple[Entry, ...]:
    """Entries out of bytes of a peer or of a disk; every path and field is checked.

    Read entry by entry, so that it takes no more memory than its entries do.

    :raises InputError: for whatever is wrong with them
    """
    count, start = _count_of_rows(data)
    if count > most_entries:
        raise InputError("bad manifest", [f"{count} entries; {most_entries} are allowed"])
    rows = Items(data, start, depth=_DEPTH, most_bytes=_MOST_ROW_BYTES)
    try:
        entries = tuple(_entry(rows.next()) for _ in range(count))
    except (TypeError, ValueError) as error:
        raise InputError("bad manifest", [str(error)]) from None
    if rows.next() != "version":
        raise InputError("bad manifest", ["not a map of version and entries"])
    version = rows.next()
    if version != VERSION:
        raise InputError(
            "bad manifest",
            [f"version {version!r}; this program reads version {VERSION}"],
            remedy="a newer maelstrom wrote it: upgrade this one",
        )
    if not rows.is_at_end:
        raise InputError("bad CBOR", ["there is more after its end"])
    _check_order(entries)
    return entries


def _count_of_rows(data: bytes) -> tuple[int, int]:
    """How many entries there are, and where the first begins."""
    if not data.startswith(_HEAD):
        raise InputError("bad manifest", ["not the CBOR of a map of version and entries"])
    at = len(_HEAD)
    first = data[at] if at < len(data) else 0
    if 0x80 <= first < 0x98:
        return first - 0x80, at + 1
    size = _SIZES_OF_COUNTS.get(first)
    if size is None:
        raise InputError("bad CBOR", ["its entries are no CBOR list of a definite length"])
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size


def _entry(row: list[object]) -> Entry:
    path, kind, mode, mtime_ns, size, digest, data, target, opaque, *more = row
    if not isinstance(path, bytes) or not is_safe_path(path):
        raise ValueError(f"unsafe path {path!r}")
    if not isinstance(target, bytes) or b"\0" in target:
        raise ValueError(f"{path!r}: bad target")
    numbers = (mode, mtime_ns, size)
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        raise ValueError(f"{path!r}: mode, mtime and size must be whole numbers")
    if not (isinstance(mode, int) and 0 <= mode <= 0o7777):
        raise ValueError(f"{path!r}: bad mode {mode!r}")
    if not (isinstance(size, int) and size >= 0):
        raise ValueError(f"{path!r}: bad size {size!r}")
    if not isinstance(opaque, bool) or not isinstance(data, bytes | None):
        raise ValueError(f"{path!r}: bad fields")
    if digest is not None and not (isinstance(digest, bytes) and len(digest) == 32):
        raise ValueError(f"{path!r}: bad digest")
    entry_kind = _kind(kind)
    if entry_kind is EntryKind.FILE and (digest is None) == (data is None):
        raise ValueError(f"{path!r}: a file has either a digest or data")
    if isinstance(data, bytes) and len(data) != size:
        raise ValueError(f"{path!r}: {len(data)} bytes of data, size says {size}")
    if entry_kind is EntryKind.HARDLINK and not is_safe_path(target):
        raise ValueError(f"{path!r}: unsafe hard link target {target!r}")
    attributes = _attributes(more) if more else ()
    if attributes and entry_kind not in (EntryKind.FILE, EntryKind.DIRECTORY):
        raise ValueError(f"{path!r}: only files and directories have attributes")
    return Entry(
        path=path,
        kind=entry_kind,
        mode=mode,
        mtime_ns=mtime_ns if isinstance(mtime_ns, int) else 0,
        size=size,
        digest=Digest(digest.hex()) if isinstance(digest, bytes) else None,
        data=data if isinstance(data, bytes) else None,
        target=target,
        opaque=opaque,
        attributes=attributes,
    )


def _attributes(more: list[object]) -> tuple[tuple[bytes, bytes], ...]:
    """What follows the nine elements that every row has: one more, never empty."""
    pairs = more[0]
    if len(more) > 1 or not isinstance(pairs, list) or not pairs:
        raise ValueError("bad attributes")
    found: list[tuple[bytes, bytes]] = []
    for name, value in pairs:
        if not isinstance(name, bytes) or not isinstance(value, bytes):
            raise ValueError("attributes are bytes")
        if not is_kept_attribute(name):
            raise ValueError(f"{name!r} is no attribute that a layer may have")
        if found and name <= found[-1][0]:
            raise ValueError(f"attribute {name!r}: out of order or twice")
        found.append((name, value))
    if sum(len(name) + len(value) for name, value in found) > MOST_ATTRIBUTE_BYTES:
        raise ValueError(f"more than {MOST_ATTRIBUTE_BYTES} bytes of attributes")
    return tuple(found)


def is_kept_attribute(name: bytes) -> bool:
    """Whether an extended attribute can be part of a layer.

    Only those of users: the others need privileges or give some. And never those by which overlays
    mark what they hide (``userxattr``), for an archive could hide and redirect by them.
    """
    return (
        name.startswith(b"user.")
        and len(b"user.") < len(name) <= _LONGEST_ATTRIBUTE_NAME
        and not name.startswith(b"user.overlay.")
        and b"\0" not in name
    )


def _kind(value: object) -> EntryKind:
    if not isinstance(value, int):
        raise ValueError(f"{value!r} is no kind of entry")
    return EntryKind(value)


_UNSAFE = re.compile(rb"(?:^|/)\.{0,2}(?:/|\Z)|\0")
"""A part that is empty, ``.`` or ``..``; or a NUL."""


def is_safe_path(path: bytes) -> bool:
    """Whether a path stays below the root it is relative to: no ``..``, not absolute, no NUL."""
    return _UNSAFE.search(path) is None


def _check_order(entries: tuple[Entry, ...]) -> None:
    """Sorted, unique, and nothing below what is no directory (a symlink escape)."""
    kinds: dict[bytes, EntryKind] = {}
    previous = b""
    for entry in entries:
        if entry.path <= previous:
            raise InputError("bad manifest", [f"{entry.path!r}: out of order or twice"])
        previous = entry.path
        parent = entry.path.rpartition(b"/")[0]
        while parent:
            kind = kinds.get(parent)
            if kind is not None and kind is not EntryKind.DIRECTORY:
                raise InputError(
                    "bad manifest", [f"{entry.path!r}: lies below {parent!r}, no directory"]
                )
            parent = parent.rpartition(b"/")[0]
        kinds[entry.path] = entry.kind
