"""Tar archives → entries. What an archive says is not trusted.

Whiteouts are those of OCI layers (``.wh.NAME`` hides a name, ``.wh..wh..opq`` all of a directory's;
image-spec, layer.md). Owners are dropped: a container has one user. An entry may come twice, as
real images have it; the last one holds, as it would on extraction. Names are below the root whether
they begin with a slash or not, as for every other tool; ``..`` is refused. Of extended attributes
(PAX headers ``SCHILY.xattr.NAME``, which all tools write that make images) those of users are kept.
"""

import lzma
import tarfile
import zlib
from typing import IO

import attrs

from maelstrom_core.layers.changes_plan import Changes, sane_time
from maelstrom_core.layers.collector import Collector
from maelstrom_core.model.manifest import (
    MOST_ATTRIBUTE_BYTES,
    Entry,
    EntryKind,
    is_kept_attribute,
    is_safe_path,
)

MOST_ENTRIES = 5_000_000
MOST_BYTES = 64 << 30
"""More than this in one archive is taken for a bomb."""
_MOST_AT_ONCE = 16 << 20
"""More than this is never read in one piece but by one who takes an archive's headers at their word."""
_UNREADABLE = (tarfile.TarError, EOFError, ValueError, OverflowError, zlib.error, lzma.LZMAError)
_WHITEOUT, _OPAQUE = b".wh.", b".wh..wh..opq"
_MOST_FAULTS = 20
_ATTRIBUTE = "SCHILY.xattr."
_MOST_DROPPED = 20
"""More names of attributes than this are not told one by one."""


@attrs.define
class _Found:
    """What an archive has.

    :param skipped: names of devices, where those are passed over
    :param dropped: extended attributes that no layer has, each with the first that had it
    """

    skip_devices: bool = False
    changes: Changes = attrs.field(factory=Changes)
    faults: list[str] = attrs.field(factory=list)
    skipped: list[str] = attrs.field(factory=list)
    dropped: dict[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Unpacked:
    """What was collected from a stream.

    :param hides_all: nothing of lower layers stays
    :param skipped: devices, which containers make themselves, and attributes that they have not
    """

    hides_all: bool
    skipped: tuple[str, ...]


def collect(collector: Collector, archive: bytes, *, what: str) -> None:
    """Add the entries of a file to a layer; its faults are the layer's."""
    found = _Found()
    try:
        with tarfile.open(archive, "r:*", encoding="utf-8", errors="surrogateescape") as tar:
            _read(tar, collector, found)
    except (*_UNREADABLE, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None and error.filename != archive:
            raise  # writing to the store failed
        found.faults.append(f"cannot be read: {error}")
    if _finish(collector, found, what=what).hides_all:
        collector.fault(f"{what}: hides all that is below it: leave out the layers below it")


def collect_stream(collector: Collector, stream: IO[bytes], *, what: str) -> Unpacked:
    """Add the entries of an archive that can be read only once, and is not compressed.

    Devices, which layers of images have now and then, are passed over.

    :param stream: its own errors come through, but for those of what cannot be decompressed
    """
    found = _Found(skip_devices=True)
    forward = ForwardOnly(stream)
    try:
        # Its first argument after the stream's is the encoding of names, as above.
        with tarfile.open(
            fileobj=forward,  # type: ignore[call-overload]
            mode="r:",
            encoding="utf-8",
            errors="surrogateescape",
        ) as tar:
            _read(tar, collector, found)
    except _UNREADABLE as error:
        found.faults.append(f"cannot be read: {error}")
    return _finish(collector, found, what=what)


class ForwardOnly:
    """As much of a file as `tarfile` needs, of a stream that can be read only once."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._position = 0

    def tell(self) -> int:
        """How far it was read."""
        return self._position

    def seek(self, position: int, whence: int = 0) -> int:
        """Go forward."""
        if whence or position < self._position:
            raise ValueError("its parts do not follow one another")
        while self._position < position:
            if not self.read(min(position - self._position, 1 << 20)):
                break  # its end; whoever reads on will see it
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Exactly so many bytes, or as many as there are."""
        if not 0 <= size <= _MOST_AT_ONCE:
            raise ValueError("a header that is larger than any real one")
        parts = []
        while size > 0 and (part := self._stream.read(size)):
            parts.append(part)
            size -= len(part)
            self._position += len(part)
        return b"".join(parts)


def _finish(collector: Collector, found: _Found, *, what: str) -> Unpacked:
    changed = found.changes.ended()
    faults = [*found.faults, *changed.faults]
    for fault in faults[: _MOST_FAULTS + 1]:
        collector.fault(f"{what}: {fault}")
    if not faults:
        for entry in changed.entries:
            collector.add(entry)
    dropped = [
        f"the attribute {name} of {first!r} and whatever else has it"
        for name, first in found.dropped.items()
    ]
    return Unpacked(changed.hides_all, (*found.skipped, *dropped))


def _read(tar: tarfile.TarFile, collector: Collector, found: _Found) -> None:
    total = number = 0
    while (member := tar.next()) is not None:
        # It would remember all of them, which nobody asks for.
        tar.members.clear()  # type: ignore[attr-defined]
        total += member.size
        number += 1
        if number > MOST_ENTRIES or total > MOST_BYTES or len(found.faults) > _MOST_FAULTS:
            found.faults.append("too large: more entries or bytes than any real image has")
            return
        collector.check_wanted()
        name = member.name.encode("utf-8", "surrogateescape")
        path = _plain(name)
        if path == b"":
            continue  # the root itself
        if not is_safe_path(path):
            found.faults.append(f"{member.name!r}: not a path below the root")
            continue
        entry = _entry(tar, member, path, collector, found)
        if entry is not None:
            found.changes.put(entry)


def _entry(
    tar: tarfile.TarFile, member: tarfile.TarInfo, path: bytes, collector: Collector, found: _Found
) -> Entry | None:
    directory, _, name = path.rpartition(b"/")
    mode, mtime_ns = member.mode & 0o7777, sane_time(member.mtime)
    if name == _OPAQUE:
        found.changes.hide_all_in(directory)
        return None
    if name.startswith(_WHITEOUT):
        hidden = (directory + b"/" if directory else b"") + name[len(_WHITEOUT) :]
        if is_safe_path(hidden):
            found.changes.hide(hidden)
        else:
            found.faults.append(f"{member.name!r}: hides {hidden!r}, not a path below the root")
        return None
    target = member.linkname.encode("utf-8", "surrogateescape")
    if member.isdir():
        attributes = _attributes(member, found)
        return Entry(
            path=path,
            kind=EntryKind.DIRECTORY,
            mode=mode,
            mtime_ns=mtime_ns,
            attributes=attributes,
        )
    if member.issym():
        link = EntryKind.SYMLINK
        return Entry(path=path, kind=link, mode=0o777, mtime_ns=mtime_ns, target=target)
    if member.islnk():
        plain = _plain(target)
        if not is_safe_path(plain):
            found.faults.append(
                f"{member.name!r}: a hard link to {member.linkname!r}, outside of it"
            )
            return None
        return Entry(path=path, kind=EntryKind.HARDLINK, target=plain)
    if member.isfifo():
        return Entry(path=path, kind=EntryKind.FIFO, mode=mode, mtime_ns=mtime_ns)
    if not member.isreg():
        told = found.skipped if found.skip_devices else found.faults
        told.append(f"{member.name!r}: a device; containers make their own")
        return None
    file = tar.extractfile(member)
    assert file is not None
    digest, size = collector.store.blobs.add_stream(file, mode, mtime_ns)
    if size != member.size:
        found.faults.append(f"{member.name!r}: ends after {size} of {member.size} bytes")
        return None
    return Entry(
        path=path,
        kind=EntryKind.FILE,
        mode=mode,
        mtime_ns=mtime_ns,
        size=size,
        digest=digest,
        attributes=_attributes(member, found),
    )


def _attributes(member: tarfile.TarInfo, found: _Found) -> tuple[tuple[bytes, bytes], ...]:
    """Those that a layer may have; the others are noted."""
    kept = {}
    for key, text in member.pax_headers.items():
        if not key.startswith(_ATTRIBUTE):
            continue
        name = key[len(_ATTRIBUTE) :].encode("utf-8", "surrogateescape")
        if is_kept_attribute(name):
            kept[name] = text.encode("utf-8", "surrogateescape")
        elif len(found.dropped) < _MOST_DROPPED:
            found.dropped.setdefault(repr(key[len(_ATTRIBUTE) :])[1:-1], member.name)
    if sum(len(name) + len(value) for name, value in kept.items()) > MOST_ATTRIBUTE_BYTES:
        found.faults.append(
            f"{member.name!r}: more than {MOST_ATTRIBUTE_BYTES} bytes of extended attributes"
        )
    return tuple(sorted(kept.items()))


def _plain(name: bytes) -> bytes:
    """Below the root, without ``.`` and needless slashes; empty for the root itself."""
    return b"/".join(part for part in name.split(b"/") if part not in (b"", b"."))
