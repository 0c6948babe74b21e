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
        self._links: dict[bytes, list[bytes]] = {}

    def put(self, entry: Entry) -> None:
        """A file, directory, link, …; takes the place of one of that name."""
        before = self._entries.get(entry.path)
        if before is not None and entry.path in self._links:
            self._hand_on(before)
        self._entries[entry.path] = entry
        if entry.kind is EntryKind.HARDLINK:
            self._link(entry)

    def _link(self, entry: Entry) -> None:
        """What a hard link is of, as the archive has it by now; what is not there is told at the end."""
        target = self._entries.get(entry.target)
        if target is not None and target.kind is EntryKind.HARDLINK and target.path != entry.path:
            target = self._entries.get(target.target)
        if target is None or target.path == entry.path:
            pass
        elif target.kind is EntryKind.SYMLINK:
            # Symbolic links of two names; nothing can tell them from two links that are equal.
            self._entries[entry.path] = attrs.evolve(target, path=entry.path)
        else:
            self._entries[entry.path] = attrs.evolve(entry, target=target.path)
            self._links.setdefault(target.path, []).append(entry.path)

    def _hand_on(self, before: Entry) -> None:
        """A file's name is about to be another's: its hard links keep what it was."""
        links = [
            path
            for path in dict.fromkeys(self._links.pop(before.path))
            if self._entries[path].kind is EntryKind.HARDLINK
            and self._entries[path].target == before.path
        ]
        if before.kind is not EntryKind.FILE or not links:
            return
        first, *others = links
        self._entries[first] = attrs.evolve(before, path=first)
        for path in others:
            self._entries[path] = attrs.evolve(self._entries[path], target=first)
        self._links[first] = others

    def hide(self, path: bytes) -> None:
        """A name that lower layers have is gone."""
        self._hidden[path] = None

    def hide_all_in(self, directory: bytes) -> None:
        """Nothing of a directory of lower layers stays; the root is empty."""
        self._opaque[directory] = None

    def ended(self) -> Changed:
        """What it comes to when there are no more."""
        entries, faults = dict(self._entries), []
        opaque = set(self._opaque)
        # Something in it is named, be it what hides: it is a directory, though an empty one.
        named = (*entries, *self._hidden, *opaque)
        parents = {above for path in named for above in _parents(path)} | opaque
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
