"""What can be seen of a tree of the host at a glance: enough to notice that something was installed."""

import os
import stat

from maelstrom_core.model.digest import Digest
from maelstrom_core.model.plain import digest_of

_DEPTH = 2


def surface_of(path: str) -> Digest:
    """A digest of names, kinds, sizes and times down to the second level of a tree.

    Package managers put files into place by renaming them, which changes the time of their
    directories. A file that is changed in place far below is not noticed.
    """
    rows: list[list[object]] = []
    _look(os.fsencode(path), b"", _DEPTH, rows)
    return digest_of(rows)


def _look(root: bytes, below: bytes, depth: int, rows: list[list[object]]) -> None:
    path = os.path.join(root, below) if below else root
    try:
        found = os.stat(path) if not below else os.lstat(path)
    except OSError:
        return
    is_directory = stat.S_ISDIR(found.st_mode)
    rows.append([below, found.st_mode, 0 if is_directory else found.st_size, found.st_mtime_ns])
    if not is_directory or not depth:
        return
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return  # nor can a job read it
    for name in names:
        _look(root, os.path.join(below, name), depth - 1, rows)
