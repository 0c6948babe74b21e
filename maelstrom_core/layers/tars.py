"""Tar archives → entries. What an archive says is not trusted.

Whiteouts are those of OCI layers (``.wh.NAME`` hides a name, ``.wh..wh..opq`` all of a directory's;
image-spec, layer.md). Owners are dropped: a container has one user. An entry may come twice, as
real images have it; the last one holds, as it would on extraction.
"""

import lzma
import tarfile
import zlib

from maelstrom_core.layers.collector import Collector
from maelstrom_core.model.manifest import Entry, EntryKind, is_safe_path

MOST_ENTRIES = 5_000_000
MOST_BYTES = 64 << 30
"""More than this in one archive is taken for a bomb."""
_UNREADABLE = (tarfile.TarError, EOFError, ValueError, zlib.error, lzma.LZMAError)
_WHITEOUT, _OPAQUE = b".wh.", b".wh..wh..opq"


def collect(collector: Collector, archive: bytes, *, what: str) -> None:
    """Add an archive's entries to a layer; its faults are the layer's."""
    entries: dict[bytes, Entry] = {}
    faults: list[str] = []
    try:
        with tarfile.open(archive, "r:*", encoding="utf-8", errors="surrogateescape") as tar:
            _read(tar, collector, entries, faults)
    except (*_UNREADABLE, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None and error.filename != archive:
            raise  # writing to the store failed
        faults.append(f"cannot be read: {error}")
    _check(entries, faults)
    for fault in faults:
        collector.fault(f"{what}: {fault}")
    if not faults:
        for entry in entries.values():
            collector.add(entry)


def _read(
    tar: tarfile.TarFile, collector: Collector, entries: dict[bytes, Entry], faults: list[str]
) -> None:
    total = 0
    for number, member in enumerate(tar):
        total += member.size
        if number >= MOST_ENTRIES or total > MOST_BYTES or len(faults) > 20:
            faults.append("too large: more entries or bytes than any real image has")
            return
        name = member.name.encode("utf-8", "surrogateescape")
        path = _plain(name)
        if path == b"":
            continue  # the root itself
        if not is_safe_path(path) or name.startswith(b"/"):
            faults.append(f"{member.name!r}: not a path below the root")
            continue
        entry = _entry(tar, member, path, collector, faults)
        if entry is not None:
            entries[entry.path] = entry


def _entry(
    tar: tarfile.TarFile,
    member: tarfile.TarInfo,
    path: bytes,
    collector: Collector,
    faults: list[str],
) -> Entry | None:
    directory, _, name = path.rpartition(b"/")
    mode, mtime_ns = member.mode & 0o7777, int(member.mtime * 1_000_000_000)
    if name == _OPAQUE:
        return Entry(path=directory, kind=EntryKind.DIRECTORY, mode=0o755, opaque=True)
    if name.startswith(_WHITEOUT):
        hidden = (directory + b"/" if directory else b"") + name[len(_WHITEOUT) :]
        if not is_safe_path(hidden):
            faults.append(f"{member.name!r}: hides {hidden!r}, not a path below the root")
            return None
        return Entry(path=hidden, kind=EntryKind.WHITEOUT)
    target = member.linkname.encode("utf-8", "surrogateescape")
    if member.isdir():
        return Entry(path=path, kind=EntryKind.DIRECTORY, mode=mode, mtime_ns=mtime_ns)
    if member.issym():
        link = EntryKind.SYMLINK
        return Entry(path=path, kind=link, mode=0o777, mtime_ns=mtime_ns, target=target)
    if member.islnk():
        plain = _plain(target)
        if not is_safe_path(plain) or target.startswith(b"/"):
            faults.append(f"{member.name!r}: a hard link to {member.linkname!r}, outside of it")
            return None
        return Entry(path=path, kind=EntryKind.HARDLINK, target=plain)
    if member.isfifo():
        return Entry(path=path, kind=EntryKind.FIFO, mode=mode, mtime_ns=mtime_ns)
    if not member.isreg():
        faults.append(f"{member.name!r}: a device; containers make their own")
        return None
    file = tar.extractfile(member)
    assert file is not None
    digest, size = collector.store.blobs.add_stream(file, mode, mtime_ns)
    if size != member.size:
        faults.append(f"{member.name!r}: ends after {size} of {member.size} bytes")
        return None
    kind = EntryKind.FILE
    return Entry(path=path, kind=kind, mode=mode, mtime_ns=mtime_ns, size=size, digest=digest)


def _check(entries: dict[bytes, Entry], faults: list[str]) -> None:
    for path, entry in entries.items():
        if entry.kind is EntryKind.HARDLINK:
            target = entries.get(entry.target)
            if target is None or target.kind is not EntryKind.FILE:
                faults.append(f"{path!r}: a hard link to {entry.target!r}, no file of the archive")
        parent = path.rpartition(b"/")[0]
        while parent:
            above = entries.get(parent)
            if above is not None and above.kind is not EntryKind.DIRECTORY:
                faults.append(f"{path!r}: lies below {parent!r}, which is no directory")
                break
            parent = parent.rpartition(b"/")[0]


def _plain(name: bytes) -> bytes:
    """Without leading ``./`` and trailing slashes, as archives like to have them."""
    while name.startswith(b"./"):
        name = name[2:].lstrip(b"/")
    name = name.rstrip(b"/")
    return b"" if name == b"." else name
