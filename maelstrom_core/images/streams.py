"""Bytes that are checked while they flow: digests, sizes, and what compresses them."""

import gzip
import hashlib
import io
import zlib
from typing import IO, Any

from maelstrom_core.errors import UsageError
from maelstrom_core.images.documents import MOST_LAYER_BYTES, BadImage

CHUNK_BYTES = 1 << 20
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_SKIPPABLE_ZSTD = b"\x2a\x4d\x18"
"""After a byte of 0x50 to 0x5f: a frame without data, with which layers of zstd:chunked may begin."""
_LARGEST_WINDOW = 1 << 27
"""What zstd may keep in memory: that of ``zstd --long``."""


class Measured(io.RawIOBase):
    """A stream that knows the digest and the size of what was read of it.

    :param most_bytes: reading more is an error
    """

    def __init__(self, stream: Any, *, most_bytes: int = MOST_LAYER_BYTES) -> None:
        super().__init__()
        self._stream = stream
        self._hasher = hashlib.sha256()
        self._most_bytes = most_bytes
        self.size = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some."""
        data = self._stream.read(len(buffer))
        self._hasher.update(data)
        self.size += len(data)
        if self.size > self._most_bytes:
            raise BadImage(f"it has more than {self._most_bytes} bytes; no real one has")
        buffer[: len(data)] = data
        return len(data)

    def drain(self) -> None:
        """Read what is left."""
        while self.read(CHUNK_BYTES):
            pass

    @property
    def digest(self) -> str:
        """Of what was read."""
        return f"sha256:{self._hasher.hexdigest()}"


class _Telling(io.RawIOBase):
    """A decompressed stream; what cannot be decompressed is a `ValueError`, whoever says so."""

    def __init__(self, stream: Any, errors: tuple[type[Exception], ...]) -> None:
        super().__init__()
        self._stream = stream
        self._errors = errors

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except self._errors as error:
            raise ValueError(f"it cannot be decompressed: {error}") from None
        buffer[: len(data)] = data
        return len(data)


def decompressed(stream: Measured) -> IO[bytes]:
    """What a layer's archive is without its compression, told by its first bytes.

    Media types say it as well, and are wrong often enough.

    :raises UsageError: for zstd without the library for it
    """
    buffered = io.BufferedReader(stream, CHUNK_BYTES)
    first = buffered.peek(4)[:4]
    if first.startswith(_GZIP):
        told = (gzip.BadGzipFile, EOFError, zlib.error)
        return _Telling(gzip.GzipFile(fileobj=buffered, mode="rb"), told)  # type: ignore[return-value]
    if first == _ZSTD or (first[1:] == _SKIPPABLE_ZSTD and 0x50 <= first[0] <= 0x5F):
        try:
            import zstandard
        except ImportError:
            raise UsageError(
                "a layer is compressed with zstd",
                remedy="pip install 'pytest-maelstrom[images]' brings what reads it",
            ) from None
        inner = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
        reader = inner.stream_reader(buffered, read_across_frames=True)
        return _Telling(reader, (zstandard.ZstdError,))  # type: ignore[return-value]
    return buffered
