"""What the members of one archive come to: the last of a name holds, whiteouts hide what is below. Pure.

A whiteout hides what *lower* layers have, never what its own archive has, wherever in it the two stand
(image-spec, layer.md, "Whiteouts"). So one for a name that the archive has as well means: this, and
nothing of what was there; for a directory that is an opaque one.
"""

import attrs

from maelstrom_core.model.manifest import Entry, EntryKind

_LATEST_SECONDS = 1 << 33
"""In the year 2242; file systems differ in what they can say beyond."""


def sane_time(seconds: float) -> int:
    """Nanoseconds that any file system can keep; what is no time is 1970."""
    if not seconds >= 0:  # and what is not a number
        return 0
    return int(min(seconds, _LATEST_SECONDS) * 1_000_000_000)


@attrs.frozen
class Changed:
    """What an archive comes to.

    :param hides_all: nothing of lower layers stays
    """

    entries: tuple[Entry, ...]
    faults: tuple[str, ...]
    hides_all: bool = False


class Changes:
    """Members of an archive, as they come."""

    def __init__(self) -> None:
        self._entries: dict[bytes, Entry] = {}
        self._hidden: dict[bytes, None] = {}
        self._opaque: dict[bytes, None] = {}

    def put(self, entry: Entry) -> None:
        """A file, directory, link, …; takes the place of one of that name."""
        self._entries[entry.path] = entry

    def hide(self, path: bytes) -> None:
        """A name that lower layers have is gone."""
        self._hidden[path] = None

    def hide_all_in(self, directory: bytes) -> None:
        """Nothing of a directory of lower layers stays; the root is empty."""
        self._opaque[directory] = None

    def ended(self) -> Changed:
        """What it comes to when there are no more."""
        entries, faults = dict(self._entries), []
        parents = {above for path in entries for above in _parents(path)}
        opaque = set(self._opaque)
        for path in self._hidden:
            kind = EntryKind.DIRECTORY if path in parents else None
            kind = entries[path].kind if path in entries else kind
            if kind is EntryKind.DIRECTORY:
                opaque.add(path)
            elif kind is None:
                entries[path] = Entry(path=path, kind=EntryKind.WHITEOUT)
        for path in sorted(opaque - {b""}):
            directory = entries.get(path, Entry(path=path, kind=EntryKind.DIRECTORY, mode=0o755))
            if directory.kind is not EntryKind.DIRECTORY:
                faults.append(f"{path!r}: hides all that is in it, and is no directory")
                continue
            entries[path] = attrs.evolve(directory, opaque=True)
        faults += _misplaced(entries)
        return Changed(tuple(entries.values()), tuple(faults), hides_all=b"" in opaque)


def _misplaced(entries: dict[bytes, Entry]) -> list[str]:
    """Hard links to what is no file of the archive, and names below what is no directory."""
    faults = []
    for path, entry in entries.items():
        if entry.kind is EntryKind.HARDLINK:
            target = entries.get(entry.target)
            if target is None or target.kind is not EntryKind.FILE:
                faults.append(f"{path!r}: a hard link to {entry.target!r}, no file of the archive")
        for parent in _parents(path):
            above = entries.get(parent)
            if above is not None and above.kind is not EntryKind.DIRECTORY:
                faults.append(f"{path!r}: lies below {parent!r}, which is no directory")
                break
    return faults


def _parents(path: bytes) -> list[bytes]:
    """All directories above a path, the nearest first, without the root."""
    found = []
    parent = path.rpartition(b"/")[0]
    while parent:
        found.append(parent)
        parent = parent.rpartition(b"/")[0]
    return found
