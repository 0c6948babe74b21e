"""Code that attrs writes for classes, kept between runs as Python keeps that of modules.

attrs writes the methods of each class as a text, and compiles that whenever the class is made: a third
of what our modules take to be imported, and of what trio does. Compiled once, it is kept in the user's
cache, by a digest of its text: whatever changes the text finds nothing, and is compiled as ever.

The one function of attrs that is changed for as long as we import is not part of what it promises.
Where it is not as it was known here, nothing is changed and nothing kept. Standard library only.
"""

import contextlib
import gc
import hashlib
import marshal
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import MAGIC_NUMBER
from types import CodeType
from typing import Any

_ROOM = "pytest-maelstrom-code"
_PARAMETERS = ("script", "globs", "locs", "filename")
_OWN_HASH = re.compile(r"^ +-?\d+,$", re.MULTILINE)
"""In ``__hash__``: the hash of the class's name, another one in each process. Any would do."""
_DIGEST_BYTES = 32


def _directory() -> str:
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return os.path.join(cache if os.path.isabs(cache) else os.path.expanduser("~/.cache"), _ROOM)


class KeptCode:
    """Compiled texts of one program.

    :param name: the program's; each keeps what it needs itself
    :param directory: where; in the user's cache by default
    """

    def __init__(self, name: str, directory: str = "") -> None:
        self._directory = directory or _directory()
        optimized = f".opt-{sys.flags.optimize}" if sys.flags.optimize else ""
        file = f"{name}.{sys.implementation.cache_tag}{optimized}"
        self.path = os.path.join(self._directory, file)
        self._kept: Mapping[bytes, CodeType] = self._read()
        self._used: dict[bytes, CodeType] = {}
        self.compiled = 0
        """How many texts were compiled, since they were not there."""

    def code(self, text: str, file: str) -> CodeType:
        """What a text compiles to.

        :param file: the name under which tracebacks show it
        """
        named = f"{file}\0{_OWN_HASH.sub('0', text)}".encode("utf-8", "surrogatepass")
        key = hashlib.blake2b(named, digest_size=16).digest()
        code = self._kept.get(key)
        if code is None:
            self.compiled += 1
            code = compile(text, file, "exec")
        self._used[key] = code
        return code

    def keep(self) -> None:
        """Write down what was used, if some of it was not there."""
        if not self.compiled or sys.dont_write_bytecode:
            return
        # What other runs of the program have used is kept too, unless that is mostly of old times.
        others = self._kept if len(self._kept) <= 2 * len(self._used) else {}
        data = marshal.dumps({**others, **self._used})
        temporary = f"{self.path}.{os.getpid()}"
        with contextlib.suppress(OSError):  # a disk that is full or read-only: next time, then
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:
                file.write(MAGIC_NUMBER + _digest(data) + data)
            os.replace(temporary, self.path)

    def _read(self) -> Mapping[bytes, CodeType]:
        try:
            with open(self.path, "rb") as file:
                status = os.fstat(file.fileno())
                if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                    return {}  # it would be run: nobody else may have written it
                found = file.read()
        except OSError:
            return {}
        magic, rest = found[: len(MAGIC_NUMBER)], found[len(MAGIC_NUMBER) :]
        data = rest[_DIGEST_BYTES:]
        if magic != MAGIC_NUMBER or rest[:_DIGEST_BYTES] != _digest(data):
            return {}  # another Python's, or cut short
        kept: Mapping[bytes, CodeType] = marshal.loads(data)
        return kept


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()


@contextlib.contextmanager
def kept_code(name: str, directory: str = "") -> Iterator[KeptCode | None]:
    """Within it, classes of attrs are made with code that was kept, and no garbage is looked for.

    Importing makes none, and looking for it takes an eighth of the time that importing does.

    :param name: the program's
    :param directory: where it is kept; in the user's cache by default
    :return: nothing where this attrs compiles in another way
    """
    import_module("attrs")  # not at the top: within whoever imports us it is not wanted yet
    make: Any = sys.modules.get("attr._make")
    original = getattr(make, "_compile_and_eval", None)
    known = getattr(getattr(original, "__code__", None), "co_varnames", ())
    if known[: len(_PARAMETERS)] != _PARAMETERS:
        with _no_garbage():
            yield None
        return
    code = KeptCode(name, directory)

    def compile_and_eval(script: str, globs: Any, locs: Any = None, filename: str = "") -> None:
        exec(code.code(script, filename), globs, locs)

    make._compile_and_eval = compile_and_eval
    try:
        with _no_garbage():
            yield code
    finally:
        make._compile_and_eval = original
        code.keep()


@contextlib.contextmanager
def _no_garbage() -> Iterator[None]:
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
