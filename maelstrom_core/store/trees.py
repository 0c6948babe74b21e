"""Manifests → directories of hard links, ready to be lower directories of overlays.

Made beside and renamed into place, so that a tree is there whole or not at all. Whiteouts and
opaque directories take the forms that an overlay mounted without privileges understands
(``userxattr``; Documentation/filesystems/overlayfs.rst).
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from maelstrom_core.model.manifest import Entry, EntryKind
from maelstrom_core.store.blobs import Blobs, set_attributes

OPAQUE = "user.overlay.opaque"


def build(entries: Sequence[Entry], directory: Path, blobs: Blobs) -> None:
    """Fill a new directory with a tree.

    :param entries: sorted by path, checked by `maelstrom_core.model.manifest`
    :raises maelstrom_core.errors.HostError: if the store has lost a content
    :raises OSError: if the disk is full, …
    """
    directory.mkdir()
    root = os.fsencode(directory)
    later: list[Entry] = []
    for entry in entries:
        path = root + b"/" + entry.path
        match entry.kind:
            case EntryKind.DIRECTORY:
                os.mkdir(path, 0o700)
                later.append(entry)
            case EntryKind.FILE:
                _file(entry, path, blobs)
            case EntryKind.SYMLINK:
                os.symlink(entry.target, path)
                os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)
            case EntryKind.HARDLINK:
                later.append(entry)
            case EntryKind.FIFO:
                os.mkfifo(path, entry.mode)
                os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns))
            case EntryKind.WHITEOUT:
                os.mknod(path, 0o020000, os.makedev(0, 0))
    for entry in later:
        if entry.kind is EntryKind.HARDLINK:
            os.link(root + b"/" + entry.target, root + b"/" + entry.path, follow_symlinks=False)
    # Deepest first: making an entry changes the time of its directory, and a mode may forbid it.
    for entry in reversed(later):
        if entry.kind is EntryKind.DIRECTORY:
            path = root + b"/" + entry.path
            set_attributes(path, entry.attributes)
            if entry.opaque:
                os.setxattr(path, OPAQUE, b"y")
            os.chmod(path, entry.mode)
            os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns))
    os.chmod(directory, 0o755)


def _file(entry: Entry, path: bytes, blobs: Blobs) -> None:
    if entry.digest is not None:
        blobs.link(entry.digest, path, entry.mode, entry.mtime_ns, entry.size, entry.attributes)
        return
    assert entry.data is not None
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, entry.data)
        set_attributes(path, entry.attributes)
        os.fchmod(descriptor, entry.mode)
    finally:
        os.close(descriptor)
    os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns))


def remove(directory: Path) -> None:
    """Remove a tree, directories without permission included; nothing happens if it is gone."""

    def open_up(_function: object, path: str, _error: object) -> None:
        parent = os.path.dirname(path)
        os.chmod(parent, 0o700)
        if os.path.isdir(path) and not os.path.islink(path):
            os.chmod(path, 0o700)
            shutil.rmtree(path, ignore_errors=True)
        elif os.path.lexists(path):
            os.unlink(path)

    if directory.exists():
        shutil.rmtree(directory, onerror=open_up)
    if directory.exists():
        shutil.rmtree(directory, ignore_errors=True)
