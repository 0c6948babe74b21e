"""Whom a broker knows, read again whenever the file has changed."""

import os
from collections.abc import Mapping
from pathlib import Path

from maelstrom_core.errors import InputError
from maelstrom_core.transport.authorized_plan import parse_authorized
from maelstrom_core.transport.keys import read_own_file
from maelstrom_core.transport.principal import Principal


class Authorized:
    """The file ``authorized``, as last read without a fault.

    A file that has become unreadable changes nothing until it is mended: what was known stays known,
    and `fault` says what is wrong. Who is to be shut out needs a file that can be read.

    :raises InputError: if the file cannot be used when it is read first
    :raises OSError: if it cannot be read then
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Principal] = {}
        self.fault: InputError | OSError | None = None
        self._seen = self._state()
        self._known = self._read()

    def refresh(self) -> bool:
        """Look whether the file has changed; cheap if it has not.

        :return: whether others are known now than before
        """
        try:
            state = self._state()
            if state == self._seen:
                return False
            known = self._read()
        except (InputError, OSError) as error:
            self.fault = error
            return False
        self.fault = None
        # Taken before reading: what changes meanwhile is seen next time.
        self._seen = state
        changed = known != self._known
        self._known = known
        return changed

    def principal(self, key: str) -> Principal | None:
        """Whose public key this is, if anybody's who may join."""
        return self._known.get(key)

    @property
    def known(self) -> Mapping[str, Principal]:
        """Everybody, by public key."""
        return self._known

    def _read(self) -> dict[str, Principal]:
        return parse_authorized(read_authorized(self._path), str(self._path))

    def _state(self) -> tuple[int, ...]:
        found = os.stat(self._path)
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def read_authorized(path: Path) -> str:
    """The file's text, if nobody else could have written it.

    :raises InputError: if others could have
    :raises OSError: if it cannot be read
    """
    what, remedy = "list of who may join", f"chmod go-w {path}"
    return read_own_file(path, refused_mode=0o022, what=what, remedy=remedy)
