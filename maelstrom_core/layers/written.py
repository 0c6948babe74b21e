"""A layer of the store → a tar archive as layers of images are, or a directory for people.

Names and links are a job's doing. Names are checked where a manifest is read: none leads out, none lies
below what is no directory. Into a directory nothing is written but below a new one that is put in its
place when it is whole. What a form cannot say is left out, and told.
"""

import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from maelstrom_core.errors import InputError, UsageError
from maelstrom_core.model.manifest import Entry, EntryKind
from maelstrom_core.store import trees
from maelstrom_core.store.store import Store

FORMS = ("tar", "directory")
FILES, LIST = "root", "changes.json"
"""What a directory has: what was written, and what else was changed."""
_WHITEOUT, _OPAQUE = b".wh.", b".wh..wh..opq"
_NANOSECONDS = 1_000_000_000

Wanted = Callable[[], bool]
"""Whether nobody wants it any more."""


def write_layer(
    entries: Sequence[Entry], path: Path, form: str, *, store: Store, cancelled: Wanted
) -> tuple[str, ...]:
    """Write a layer down.

    :param entries: of its manifest, as the store gives it
    :param path: of the archive, which replaces a file that is there; or of the directory, which must not
        be there, or be empty
    :param form: one of `FORMS`
    :return: what was left out, one line each
    :raises UsageError: if it cannot be written there
    """
    write = {"tar": _write_tar, "directory": _write_directory}[form]
    try:
        return tuple(write(entries, path, store, cancelled))
    except OSError as error:
        what = error.strerror or type(error).__name__
        raise UsageError(f"{path} cannot be written: {what}") from None


def _check(cancelled: Wanted) -> None:
    if cancelled():
        raise InputError("cancelled", ["nobody wants these changes any more"])


@contextmanager
def _content(entry: Entry, store: Store) -> Iterator[IO[bytes]]:
    if entry.digest is None:
        yield io.BytesIO(entry.data or b"")
        return
    with store.blobs.path(entry.digest).open("rb") as file:
        yield file


def _shown(path: bytes) -> str:
    return ascii(os.fsdecode(b"/" + path))[1:-1]


# An archive


def _write_tar(
    entries: Sequence[Entry], path: Path, store: Store, cancelled: Wanted
) -> Iterator[str]:
    descriptor, name = tempfile.mkstemp(prefix=".changes-", dir=path.parent)
    try:
        with (
            open(descriptor, "wb") as file,
            tarfile.open(
                fileobj=file,
                mode="w",
                format=tarfile.PAX_FORMAT,
                encoding="utf-8",
                errors="surrogateescape",
            ) as tar,
        ):
            yield from _fill(tar, entries, store, cancelled)
        os.chmod(name, 0o666 & ~_umask())
        os.rename(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    """What this process withholds of new files."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("Umask:")[2].split()[0], 8)


def _fill(
    tar: tarfile.TarFile, entries: Sequence[Entry], store: Store, cancelled: Wanted
) -> Iterator[str]:
    # What a link leads to must come before it.
    later = [entry for entry in entries if entry.kind is EntryKind.HARDLINK]
    sooner = [entry for entry in entries if entry.kind is not EntryKind.HARDLINK]
    for entry in (*sooner, *later):
        _check(cancelled)
        if _means_hiding(entry.path) or (entry in later and _means_hiding(entry.target)):
            yield f"{_shown(entry.path)}: in a layer's archive its name would hide another one"
            continue
        if entry.kind is EntryKind.WHITEOUT:
            directory, _, name = entry.path.rpartition(b"/")
            tar.addfile(_member(_below(directory, _WHITEOUT + name)))
            continue
        member = _member(entry.path, entry.mode, entry.mtime_ns)
        if entry.kind is EntryKind.FILE:
            member.size = entry.size
            with _content(entry, store) as file:
                tar.addfile(member, file)
            continue
        member.type = _TYPES[entry.kind]
        member.linkname = _text(entry.target)
        tar.addfile(member)
        if entry.opaque:
            tar.addfile(_member(_below(entry.path, _OPAQUE)))


_TYPES = {
    EntryKind.DIRECTORY: tarfile.DIRTYPE,
    EntryKind.SYMLINK: tarfile.SYMTYPE,
    EntryKind.HARDLINK: tarfile.LNKTYPE,
    EntryKind.FIFO: tarfile.FIFOTYPE,
}


def _means_hiding(path: bytes) -> bool:
    return any(part.startswith(_WHITEOUT) for part in path.split(b"/"))


def _below(directory: bytes, name: bytes) -> bytes:
    return directory + b"/" + name if directory else name


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _member(path: bytes, mode: int = 0o644, mtime_ns: int = 0) -> tarfile.TarInfo:
    member = tarfile.TarInfo(_text(path))
    member.mode = mode
    member.mtime = mtime_ns // _NANOSECONDS
    seconds, rest = divmod(abs(mtime_ns), _NANOSECONDS)
    if rest:
        # As a text: a float would not be exact.
        sign = "-" if mtime_ns < 0 else ""
        member.pax_headers = {"mtime": f"{sign}{seconds}.{rest:09}"}
    return member


# A directory


def _write_directory(
    entries: Sequence[Entry], path: Path, store: Store, cancelled: Wanted
) -> Iterator[str]:
    made = Path(tempfile.mkdtemp(prefix=".changes-", dir=path.parent))
    try:
        (made / FILES).mkdir()
        left_out = dict(_fill_directory(entries, made / FILES, store, cancelled))
        whiteouts = [_shown(one.path) for one in entries if one.kind is EntryKind.WHITEOUT]
        listed: dict[str, Any] = {
            "removed": whiteouts,
            "emptied": [_shown(one.path) for one in entries if one.opaque],
            "left_out": left_out,
        }
        (made / LIST).write_text(json.dumps(listed, indent=1) + "\n", encoding="ascii")
        made.chmod(0o777 & ~_umask())
        os.rename(made, path)
    except BaseException:
        trees.remove(made)
        raise
    yield from (f"{name}: {why}" for name, why in left_out.items())


def _fill_directory(
    entries: Sequence[Entry], directory: Path, store: Store, cancelled: Wanted
) -> Iterator[tuple[str, str]]:
    root = os.fsencode(directory)
    later = []
    for entry in entries:
        _check(cancelled)
        path = _below(root, entry.path)
        match entry.kind:
            case EntryKind.DIRECTORY:
                os.mkdir(path, 0o700)
                later.append(entry)
            case EntryKind.HARDLINK:
                later.append(entry)
            case EntryKind.FILE:
                _write_file(entry, path, store)
            case EntryKind.SYMLINK:
                os.symlink(entry.target, path)
                os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)
            case EntryKind.FIFO:
                # Whoever looks through files would wait for ever for what is in it.
                yield _shown(entry.path), "a named pipe"
            case EntryKind.WHITEOUT:
                pass
    for entry in later:
        if entry.kind is EntryKind.HARDLINK:
            try:
                os.link(_below(root, entry.target), _below(root, entry.path), follow_symlinks=False)
            except FileNotFoundError:
                yield _shown(entry.path), "another name of what was left out"
    # Deepest first: making an entry changes the time of its directory.
    for entry in reversed(later):
        if entry.kind is EntryKind.DIRECTORY:
            path = _below(root, entry.path)
            os.chmod(path, entry.mode & 0o777 | 0o700)
            os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns))


def _write_file(entry: Entry, path: bytes, store: Store) -> None:
    new = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, new, 0o600), "wb") as file, _content(entry, store) as content:
        shutil.copyfileobj(content, file)
        # Never set-user-id: here it would be that of the user; and he may always read it.
        os.fchmod(file.fileno(), entry.mode & 0o777 | 0o600)
    os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns))
