"""One blob of a registry → a file, gone on with where it was broken off, checked as it arrives."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import httpx

from maelstrom_core.errors import HostError, InputError
from maelstrom_core.images.documents import BadImage, Descriptor
from maelstrom_core.images.registry import ATTEMPTS, Registry
from maelstrom_core.images.stop import Stop

_CHUNK_BYTES = 1 << 20


def download(
    registry: Registry,
    descriptor: Descriptor,
    path: Path,
    *,
    stop: Stop,
    on_bytes: Callable[[int], None],
) -> None:
    """Bring a blob; what an earlier attempt has left is not brought again.

    :param path: nobody else writes there meanwhile
    :param on_bytes: told how many bytes are there
    :raises BadImage: if the registry sends other bytes than were asked for
    :raises HostError: if it cannot be reached any more; what came is kept
    """
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b") as file:
        was_there = os.fstat(file.fileno()).st_size > 0
        one = _Download(registry, descriptor, file, stop, on_bytes)
        found = one.run()
        if found != descriptor.digest and was_there:
            # What was left may have been damaged since; a registry is blamed for its own bytes.
            one.begin_anew()
            found = one.run()
        if found != descriptor.digest:
            file.truncate(0)
            raise BadImage(f"{registry.host} sent bytes of {found} instead of {descriptor.digest}")


class _Download:
    def __init__(
        self,
        registry: Registry,
        descriptor: Descriptor,
        file: BinaryIO,
        stop: Stop,
        on_bytes: Callable[[int], None],
    ) -> None:
        self._registry = registry
        self._descriptor = descriptor
        self._file = file
        self._stop = stop
        self._on_bytes = on_bytes
        self.begin_anew(keep=True)

    def begin_anew(self, *, keep: bool = False) -> None:
        """Take what is there for the blob's beginning, or nothing."""
        self._hasher = hashlib.sha256()
        self._done = 0
        self._file.seek(0)
        if keep and os.fstat(self._file.fileno()).st_size <= self._descriptor.size:
            while chunk := self._file.read(_CHUNK_BYTES):
                self._hasher.update(chunk)
                self._done += len(chunk)
        else:
            self._file.truncate(0)

    def run(self) -> str:
        """Bring the rest; the digest of all."""
        failures = 0
        while self._done < self._descriptor.size:
            before = self._done
            try:
                self._bring()
            except httpx.HTTPError as error:
                if self._stop.is_set():
                    raise InputError("cancelled", ["nobody wants this image any more"]) from None
                failures = failures + 1 if self._done == before else 1
                if failures >= ATTEMPTS:
                    told = str(error) or type(error).__name__
                    raise self._broken(told) from None
                self._stop.wait(0.1 * 2.0**failures)
            else:
                if self._done == before:
                    raise self._broken("it sends nothing")
        self._file.flush()
        return f"sha256:{self._hasher.hexdigest()}"

    def _broken(self, why: str) -> HostError:
        return HostError(
            f"{self._registry.host} breaks off after {self._done} of {self._descriptor.size} "
            f"bytes of {self._descriptor.digest}: {why}",
            remedy="run again: it goes on from there",
        )

    def _bring(self) -> None:
        with self._registry.blob(self._descriptor.digest, self._done) as (start, chunks):
            if start != self._done:
                self.begin_anew()
            for chunk in chunks:
                if self._stop.is_set():
                    raise InputError("cancelled", ["nobody wants this image any more"])
                if self._done + len(chunk) > self._descriptor.size:
                    self._file.truncate(0)
                    raise BadImage(
                        f"{self._registry.host} sends more than the {self._descriptor.size} bytes "
                        f"of {self._descriptor.digest}"
                    )
                self._file.write(chunk)
                self._hasher.update(chunk)
                self._done += len(chunk)
                self._on_bytes(self._done)
