"""Walk a directory for a glob layer: excluded directories are never entered."""

import os
import re
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


@attrs.frozen
class Found:
    """One thing that was found.

    :param source: host path
    :param relative: the same relative to the root of the walk
    """

    source: bytes
    relative: bytes
    status: os.stat_result


@attrs.frozen(kw_only=True)
class Walk:
    """What to take and what to leave.

    :param wanted: expression that the relative path of a file must match
    :param excluded: what matches is left out; a directory is not entered
    :param gitignore: obey ``.gitignore`` files
    :param marked: names of files that mark a directory as one to be left out
    :param never: directories that are not entered whatever their names, as pairs of device and inode
    :param follow: take what a link points at
    :param refused: called with path and error for what cannot be read
    """

    wanted: re.Pattern[str]
    excluded: re.Pattern[str]
    gitignore: bool
    marked: Collection[str]
    never: frozenset[tuple[int, int]]
    follow: bool
    refused: Callable[[bytes, OSError], None]

    def files(self, root: bytes) -> Iterator[Found]:
        """Everything below ``root`` that is wanted, directories included, parents first."""
        ignores: list[tuple[str, GitIgnoreSpec]] = []
        yield from self._below(root, b"", ignores, self.never)

    def _below(
        self,
        directory: bytes,
        relative: bytes,
        ignores: list[tuple[str, "GitIgnoreSpec"]],
        above: frozenset[tuple[int, int]],
    ) -> Iterator[Found]:
        try:
            with os.scandir(directory) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            self.refused(directory, error)
            return
        names = {os.fsdecode(entry.name) for entry in entries}
        if relative and not names.isdisjoint(self.marked):
            return
        if self.gitignore and ".gitignore" in names:
            ignores = [*ignores, (os.fsdecode(relative), _read_ignore(directory))]
        for entry in entries:
            path = relative + b"/" + entry.name if relative else entry.name
            try:
                status = entry.stat(follow_symlinks=self.follow)
            except FileNotFoundError:
                # A dangling link that was to be followed, or it vanished: a walk takes what is there.
                continue
            except OSError as error:
                self.refused(entry.path, error)
                continue
            text = os.fsdecode(path)
            is_directory = _is_directory(status)
            if self.excluded.fullmatch(text) or _ignored(text, ignores, is_directory):
                continue
            if not is_directory:
                if self.wanted.fullmatch(text):
                    yield Found(entry.path, path, status)
                continue
            key = (status.st_dev, status.st_ino)
            if key in above:
                continue  # or a link to a directory above: it would never end
            if self.wanted.fullmatch(text):
                yield Found(entry.path, path, status)
            yield from self._below(entry.path, path, ignores, above | {key})


class Ignores:
    """What the ``.gitignore`` files of a directory and of those below it say of single paths.

    :param root: absolute
    """

    def __init__(self, root: str) -> None:
        self._root = root

    def ignores(self, path: str) -> bool:
        """Whether a path, or a directory that it is in, is ignored; it need not exist.

        :param path: relative to the root
        """
        ignores: list[tuple[str, GitIgnoreSpec]] = []
        parts = path.split("/")
        for depth in range(len(parts)):
            above = "/".join(parts[:depth])
            directory = os.path.join(self._root, above)
            if os.path.isfile(os.path.join(directory, ".gitignore")):
                ignores.append((above, _read_ignore(os.fsencode(directory))))
            here = "/".join(parts[: depth + 1])
            is_directory = depth + 1 < len(parts) or os.path.isdir(os.path.join(self._root, here))
            if _ignored(here, ignores, is_directory):
                return True
        return False


def _is_directory(status: os.stat_result) -> bool:
    return status.st_mode & 0o170000 == 0o040000


def _read_ignore(directory: bytes) -> "GitIgnoreSpec":
    from pathspec import GitIgnoreSpec

    with open(os.path.join(directory, b".gitignore"), encoding="utf-8", errors="replace") as file:
        # To git, `d/**` is all that lies in d, but not d itself; pathspec takes d along.
        return GitIgnoreSpec.from_lines(
            re.sub(r"/\*\*$", "/**/*", line.rstrip("\n")) for line in file
        )


def _ignored(path: str, ignores: list[tuple[str, "GitIgnoreSpec"]], is_directory: bool) -> bool:
    """What git says: a deeper file decides before one above it."""
    for base, spec in reversed(ignores):
        below = path[len(base) + 1 :] if base else path
        verdict = spec.check_file(below + "/" if is_directory else below).include
        if verdict is not None:
            return bool(verdict)
    return False
