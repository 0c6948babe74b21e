"""Where jobs are read from: bytes as they come, documents as soon as they are whole."""

import errno
import os
import stat
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import attrs
import trio

from maelstrom_core.errors import UsageError
from maelstrom_core.settings.toml_file import parse_toml
from maelstrom_run.job_stream import JobStream

CHUNK_BYTES = 64 * 1024


@attrs.frozen
class Document:
    """What was read of a source at once.

    :param what: in words: which one, and where it stands
    """

    table: dict[str, Any]
    what: str


class Source:
    """A file, or standard input.

    :param descriptor: open, blocking
    :param name: for people
    :param kind: ``json``, ``toml``, or ``auto``: by the name, or else by how it begins
    """

    def __init__(self, descriptor: int, name: str, kind: str) -> None:
        self._descriptor = descriptor
        self._name = name
        self._kind = kind
        mode = os.fstat(descriptor).st_mode
        # The kernel refuses to wait for what never makes anybody wait.
        self._can_wait = not stat.S_ISREG(mode)
        self.is_terminal = os.isatty(descriptor)
        if stat.S_ISCHR(mode):
            self._can_wait = self.is_terminal

    async def documents(self) -> AsyncGenerator[Document, None]:
        """All of it.

        :raises BadStream: for what is no JSON; what came before has been given
        :raises InputError: for what is no TOML
        """
        data = await self._read()
        if await self._is_toml(data):
            text = data
            while more := await self._read():
                text += more
            yield Document(parse_toml(text, self._name), self._name)
            return
        stream = JobStream()
        while data:
            for found in stream.take(data):
                where = f"object {found.number}, line {found.line} of {self._name},"
                yield Document(found.table, where)
            data = await self._read()
        stream.end()

    async def _is_toml(self, beginning: bytes) -> bool:
        if self._kind != "auto":
            return self._kind == "toml"
        if self._name.endswith((".toml", ".json", ".jsonl", ".ndjson")):
            return self._name.endswith(".toml")
        # No file of TOML begins with a brace.
        start = beginning.lstrip(b"\xef\xbb\xbf \t\r\n")
        return bool(start) and not start.startswith(b"{")

    async def _read(self) -> bytes:
        await trio.lowlevel.checkpoint()
        if self._can_wait:
            await trio.lowlevel.wait_readable(self._descriptor)
        try:
            return os.read(self._descriptor, CHUNK_BYTES)
        except OSError as error:
            raise UsageError(f"{self._name}: {error.strerror}") from None


@asynccontextmanager
async def open_source(path: str | None, kind: str) -> AsyncIterator[Source]:
    """Open a file; standard input for ``None`` and ``-``.

    :raises UsageError: if it cannot be opened
    """
    async with AsyncExitStack() as stack:
        if path is None or path == "-":
            yield Source(0, "standard input", kind)
            return
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None
        stack.callback(os.close, descriptor)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise UsageError(f"{path}: {os.strerror(errno.EISDIR)}")
        yield Source(descriptor, path, kind)
