"""Files that a job leaves, read when all of its processes have ended and its mounts still stand.

Standard library only. The slot has entered the job's mount namespace, and sees what the job saw:
links lead nowhere else. What is there is the job's doing, and not to be trusted: only regular files
are opened, and there are limits to how many names are looked at, how many files, how many bytes.
"""

import os
import stat
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

from maelstrom_core.container import flags as k
from maelstrom_core.container.child import StepFailed, perform_steps
from maelstrom_core.container.script import Step

MOST_FILES = 1000
MOST_REFUSED = 20
"""Files that are not brought back, and told of."""
MOST_NAMES = 100_000
"""That are looked at, for all patterns of a job together."""
_MAGIC = frozenset("*?[")


Left = tuple[str, int, bytes, str]
"""Path, permission bits and bytes of a file; or a path and, last, why the file is not here."""


class _TooMany(Exception):
    pass


def collecting(
    view: int,
    numbers: dict[str, int],
    directory: bytes,
    patterns: tuple[str, ...],
    most_bytes: int,
) -> "Callable[[int], Iterator[Left]] | None":
    """What finds a job's files, given its mount namespace; ``None`` if nobody wants any.

    :param view: descriptor of the mount namespace to come back to
    :param numbers: of system calls
    :param directory: the job's working directory
    :param most_bytes: of all files together
    """
    if not patterns:
        return None

    def collect(mounts: int) -> Iterator[Left]:
        there = Step("setns", (mounts, k.CLONE_NEWNS), "look at what the job left")
        try:
            perform_steps([there], numbers)
        except StepFailed as failed:
            why = os.strerror(failed.errno)
            yield patterns[0], 0, b"", f"this host does not let it be seen: {why}"
            return
        try:
            yield from Collector(os.fsdecode(directory), most_bytes).collect(patterns)
        finally:
            back = Step("setns", (view, k.CLONE_NEWNS), "leave the job's mounts")
            perform_steps([back], numbers)

    return collect


def mounts_of(proc: int, pidfd: int) -> int:
    """Descriptor of a process's mount namespace, where the kernel does not give it for a pidfd.

    :param proc: descriptor of a /proc that shows the process
    :raises OSError: if it has ended, or is not shown
    """
    with open(os.open(f"self/fdinfo/{pidfd}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)) as lines:
        pid = next(line.split()[1] for line in lines if line.startswith("Pid:"))
    return os.open(f"{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)


class Collector:
    """Finds and reads the files that fit some patterns.

    :param directory: what relative patterns are relative to
    :param most_bytes: of all files together
    """

    def __init__(self, directory: str, most_bytes: int) -> None:
        self._directory = directory
        self._bytes_left = most_bytes
        self._names_left = MOST_NAMES
        self._refused = 0
        self._seen: set[str] = set()

    def collect(self, patterns: tuple[str, ...]) -> Iterator[Left]:
        """All of them, in the order of the patterns."""
        for pattern in patterns:
            found = False
            try:
                for path in self._matching(os.path.join(self._directory, pattern)):
                    found = True
                    left = self._read(path)
                    yield left
                    self._refused += bool(left[3])
                    if self._refused >= MOST_REFUSED:
                        raise _TooMany("no more is looked for, since so much is not brought back")
            except _TooMany as many:
                yield pattern, 0, b"", str(many)
                return
            if not found and not _MAGIC & set(pattern):
                yield pattern, 0, b"", "there is no such file"

    def _read(self, path: str) -> Left:
        try:
            # Opening a device may already do something, and nobody is left who could change it.
            status = os.stat(path)
            if not stat.S_ISREG(status.st_mode):
                return path, 0, b"", "it is no file"
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                data = self._bytes(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            return path, 0, b"", os.strerror(error.errno or 0)
        if data is None:
            return path, 0, b"", "more than may be brought back; outputs_size says how much that is"
        self._bytes_left -= len(data)
        return path, stat.S_IMODE(status.st_mode), data, ""

    def _bytes(self, descriptor: int) -> "bytes | None":
        pieces, size = [], 0
        # A file's size says nothing of what can be read: a sparse one, or one of /sys.
        while piece := os.read(descriptor, 1 << 20):
            size += len(piece)
            if size > self._bytes_left:
                return None
            pieces.append(piece)
        return b"".join(pieces)

    def _matching(self, pattern: str) -> Iterator[str]:
        parts = [part for part in pattern.split("/") if part not in ("", ".")]
        for path in self._expand("/", parts):
            for file in self._files(path):
                if file in self._seen:
                    continue
                self._seen.add(file)
                if len(self._seen) > MOST_FILES:
                    raise _TooMany(f"more than {MOST_FILES} files")
                yield file

    def _expand(self, directory: str, parts: list[str]) -> Iterator[str]:
        """Paths below a directory that fit the parts of a pattern."""
        if not parts:
            yield directory
            return
        part, rest = parts[0], parts[1:]
        if part == "**":
            if rest:
                yield from self._expand(directory, rest)
            for name, is_directory in self._entries(directory):
                if is_directory:
                    yield from self._expand(os.path.join(directory, name), parts)
                elif not rest:
                    yield os.path.join(directory, name)
        elif _MAGIC & set(part):
            for name, _ in self._entries(directory):
                if fnmatchcase(name, part):
                    yield from self._expand(os.path.join(directory, name), rest)
        else:
            path = os.path.join(directory, part)
            if os.path.lexists(path):
                yield from self._expand(path, rest)

    def _files(self, path: str) -> Iterator[str]:
        """A file; of a directory, all that is below it. A link to one may lead anywhere."""
        if not os.path.isdir(path):
            yield path
        elif path != "/" and not os.path.islink(path):
            yield from self._expand(path, ["**"])

    def _entries(self, directory: str) -> list[tuple[str, bool]]:
        """Names in a directory, in order, and which of them are directories."""
        try:
            with os.scandir(directory) as entries:
                found = sorted((one.name, one.is_dir(follow_symlinks=False)) for one in entries)
        except OSError:
            return []
        self._names_left -= len(found)
        if self._names_left < 0:
            raise _TooMany(f"more than {MOST_NAMES} names to look at")
        return found
