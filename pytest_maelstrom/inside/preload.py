"""Modules that cases import by themselves are imported by the template, so that later forks have them.

A fork that imports asyncio pays a tenth of a second for it, and so does the next one, since neither
keeps anything. So forks tell the template, over a pipe, which modules they have imported, and the
template imports them too, between two forks. Only modules of the standard library and of
site-packages are: those of the project may do anything, and are left to the case. In a plain run they
would be there as well, once some earlier test had imported them.

What comes over the pipe is believed to be names and nothing more: a test could write there.

The controlling process keeps these names, and tells the template of the next run which cases have
imported what: so it imports, before its first fork, what the cases that it has will need.
"""

import contextlib
import importlib
import importlib.util
import os
import re
import sys
import sysconfig
import warnings
from typing import AbstractSet, Dict, List, Set, Tuple

from pytest_maelstrom.inside.safety import foreign_descriptors, threads_alive

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,200}\Z")
_MOST_BYTES = 32 * 1024
"""Less than a pipe holds: a fork never waits to be rid of its names."""
_MOST_MODULES = 2000


class Preload:
    """One for a template and its forks.

    :param lowest: where descriptors are moved to, out of the way of tests
    """

    def __init__(self, lowest: int) -> None:
        import fcntl

        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._reading = fcntl.fcntl(reading, fcntl.F_DUPFD_CLOEXEC, lowest)
        self._writing = fcntl.fcntl(writing, fcntl.F_DUPFD_CLOEXEC, lowest)
        os.close(reading)
        os.close(writing)
        self._seen: Set[str] = set()
        self._known: Set[str] = set()
        self._number = 0
        paths = sysconfig.get_paths()
        names = ("stdlib", "platstdlib", "purelib", "platlib")
        self._allowed = tuple({os.path.join(paths[name], "") for name in names})

    @property
    def wakes(self) -> int:
        """Descriptor that can be read when there is something to learn."""
        return self._reading

    @property
    def descriptors(self) -> List[int]:
        """Those that are ours and not the program's."""
        return [self._reading, self._writing]

    def begin(
        self, learned: Dict[str, List[str]], refused: List[str], cases: AbstractSet[str]
    ) -> Dict[str, List[str]]:
        """In the template, before its first fork: import what cases have imported in earlier runs.

        :param learned: names of modules, each with cases that have imported it
        :param refused: names that are never imported here
        :param cases: those that there are now
        :return: which modules are ``gone``, or cannot be imported; and for which a fork would not be
            safe any more: these are to be ``refused`` the next time
        """
        self._seen |= set(refused)
        told: Dict[str, List[str]] = {"gone": [], "refused": []}
        open_before = len(foreign_descriptors([]))
        for name in sorted(learned):  # packages before what is in them
            if name in sys.modules or name in self._seen or cases.isdisjoint(learned[name]):
                continue
            parent = name.rpartition(".")[0]
            is_name = _NAME.match(name) is not None
            if is_name and parent and parent not in sys.modules:
                continue  # no case of now has imported that
            before = self._traces()
            self._seen.add(name)
            if not (is_name and self._is_installed(name) and self._import(name)):
                told["gone"].append(name)
            if self._traces() != before:
                open_now = len(foreign_descriptors([]))
                if threads_alive() or open_now > open_before:
                    told["refused"].append(name)
                open_before = open_now
        return told

    @staticmethod
    def _traces() -> Tuple[int, int]:
        """What changes when a thread is started or a descriptor opened."""
        lowest = os.dup(0)
        os.close(lowest)
        return len(os.listdir("/proc/self/task")), lowest

    def remember(self) -> None:
        """In the template: forks begin with what is imported now."""
        self._known = set(sys.modules)
        self._number = len(sys.modules)

    def tell(self) -> List[str]:
        """In a fork, when its case has ended: tell what it has imported, here and to the caller."""
        if len(sys.modules) == self._number:
            return []  # to go through all names would copy the memory in which they are
        new = [name for name in sys.modules if name not in self._known and self._may_be(name)]
        data = "\n".join([*new, ""]).encode()
        if new and len(data) <= _MOST_BYTES:
            with contextlib.suppress(OSError):  # full: others have told enough
                os.write(self._writing, data)
        return new[:_MOST_MODULES]

    def learn(self) -> bool:
        """In the template, between two forks: import what was told; whether anything was."""
        try:
            told = os.read(self._reading, 2 * _MOST_BYTES).decode("ascii", "replace")
        except BlockingIOError:
            return False
        before = len(sys.modules)
        for name in told.split("\n"):
            if name in self._seen or len(self._seen) >= _MOST_MODULES:
                continue
            self._seen.add(name)
            if _NAME.match(name) and name not in sys.modules and self._is_installed(name):
                self._import(name)
        if len(sys.modules) == before:
            return False
        self.remember()
        return True

    def _may_be(self, name: str) -> bool:
        file = getattr(sys.modules[name], "__file__", None)
        return isinstance(file, str) and file.startswith(self._allowed)

    def _is_installed(self, name: str) -> bool:
        """Whether a module is of the standard library or of site-packages, before it is imported."""
        parent = name.rpartition(".")[0]
        if parent and parent not in sys.modules:
            return False  # its parent was told of before it, or is none of ours
        try:
            spec = importlib.util.find_spec(name)
        except Exception:
            return False
        origin = None if spec is None else spec.origin
        return isinstance(origin, str) and origin.startswith(self._allowed)

    @staticmethod
    def _import(name: str) -> bool:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                importlib.import_module(name)
            except BaseException:  # it could be imported there, and is not needed here
                sys.modules.pop(name, None)
                return False
        return True
