"""Several processes, one store: advisory locks that end with the process that holds them.

flock(2) belongs to the open file, so a lock ends when its descriptor is closed, and the kernel
closes the descriptors of whoever is killed.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Hold a lock that others may hold too; waits for an exclusive holder."""
    with _locked(path, fcntl.LOCK_SH):
        yield


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Hold the lock of a directory alone; waits for its holder."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def exclusive_if_free(path: Path) -> Iterator[bool]:
    """Hold a lock alone, if nobody holds it now; says whether it is held."""
    try:
        with _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield True
    except BlockingIOError:
        yield False


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def held_if_free(path: Path) -> Iterator[bool]:
    """Hold the lock of a file, if it is there and nobody holds it now; says whether it is held.

    Whoever has just made the file and not locked it yet waits meanwhile.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _taken(descriptor)
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
