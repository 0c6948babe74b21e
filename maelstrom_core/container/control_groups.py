"""The control group below which all jobs of this process get theirs, if some are ours to divide.

Standard library only. Nothing is done before a container asks for what only groups can give. Then
this process has a group of its own, named with ``maelstrom-``, and holds a lock on its directory for
as long as it lives: so whoever comes next knows the groups of those that were killed, and sweeps them
away. Whoever makes or removes such groups holds a lock on the directory that they are in.
"""

import atexit
import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import attrs

from maelstrom_core.container.blueprint import Blueprint
from maelstrom_core.container.facts import slot_facts
from maelstrom_core.container.groups_plan import (
    NOT_MOUNTED,
    OURS,
    REST,
    Mounted,
    Offer,
    candidate,
    mounted,
    offer,
)
from maelstrom_core.container.limits_plan import controllers_for, wants_groups
from maelstrom_core.container.messages import Prepare

PATIENCE_SECONDS = 2.0
"""For killed processes to be gone."""
_MOST_PASSES = 20
"""Over what is in a group; what is started meanwhile is found by the next one."""


def offered() -> Offer:
    """Whether there is a group that is ours to divide."""
    try:
        where = mounted(_read("/proc/self/mountinfo"), _read("/proc/self/cgroup"))
    except OSError:
        where = None
    return NOT_MOUNTED if where is None else _offer_of(where)


def _offer_of(where: Mounted) -> Offer:
    directory = candidate(where, euid=os.geteuid(), whole=_is_root(where.at))
    try:
        controllers = _read(f"{directory}/cgroup.controllers").split()
    except OSError:
        controllers = []
    files = ("", "/cgroup.procs", "/cgroup.subtree_control")
    writable = all(os.access(directory + file, os.W_OK) for file in files)
    return offer(
        directory,
        writable=writable,
        controllers=controllers,
        is_root=_is_root(directory),
        euid=os.geteuid(),
    )


def _is_root(directory: str) -> bool:
    """The root of all groups is the only one without a type."""
    return os.path.exists(f"{directory}/cgroup.procs") and not os.path.exists(
        f"{directory}/cgroup.type"
    )


@dataclass(slots=True)
class Groups:
    """A group of this process.

    :param directory: the group in which jobs get theirs
    :param above: the group that was divided
    :param lock: descriptor that holds the lock on the directory
    :param controllers: what can be limited there
    :param added: what was shared out above for that, and was not before
    """

    directory: str
    above: str
    lock: int
    controllers: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    def share_out(self, wanted: Iterable[str]) -> None:
        """Let more be limited, where the host allows it.

        Only what is needed: to share one out at the root of all is felt by all groups of the machine.
        """
        missing = tuple(name for name in wanted if name not in self.controllers)
        if missing:
            self.added += _share_out(self.above, missing)
            _share_out(self.directory, missing)
            shared = _read(f"{self.directory}/cgroup.subtree_control").split()
            self.controllers += tuple(name for name in missing if name in shared)


def try_groups(one: Offer) -> None:
    """Make a group and remove it.

    :raises OSError: where the host refuses
    """
    with _locked(one.directory):
        path = f"{one.directory}/{OURS}probe"
        os.mkdir(path)
        os.rmdir(path)


def open_groups(one: Offer) -> Groups:
    """Divide a group; nothing is shared out yet.

    :raises OSError: where the host refuses
    """
    above = one.directory
    with _locked(above):
        _sweep(above)
        if one.crowded:
            os.makedirs(f"{above}/{REST}", exist_ok=True)
            _move(above, f"{above}/{REST}")
        directory = f"{above}/{OURS}{os.getpid()}-{os.urandom(4).hex()}"
        os.mkdir(directory)
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return Groups(directory, above, lock)


def close_groups(groups: Groups) -> None:
    """Remove it, and whatever runs in it; give back what was divided, if nobody else needs it."""
    with contextlib.suppress(OSError), _locked(groups.above):
        _remove(groups.directory)
        os.close(groups.lock)
        others = {name for name in _below(groups.above) if name.startswith(OURS)}
        if not others:
            _take_back(groups.above, groups.added)
        elif others == {REST}:
            # Processes may be in it again when nothing is shared out any more.
            _take_back(groups.above, _read(f"{groups.above}/cgroup.subtree_control").split())
            _move(f"{groups.above}/{REST}", groups.above)
            _remove_empty(f"{groups.above}/{REST}", time.monotonic() + PATIENCE_SECONDS)


def sweep(above: str) -> None:
    """Remove the groups of processes that are dead.

    :raises OSError: where the host refuses
    """
    with _locked(above):
        _sweep(above)


def _sweep(above: str) -> None:
    for name in _below(above):
        if not name.startswith(OURS) or name == REST:
            continue
        with contextlib.suppress(OSError):
            lock = os.open(f"{above}/{name}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(f"{above}/{name}")
            finally:
                os.close(lock)


def _remove(directory: str) -> None:
    """End all that is in a group and those below it, and remove them."""
    with contextlib.suppress(FileNotFoundError):
        # Since Linux 5.14. Before, what runs in jobs ends with their slots all the same.
        _write(f"{directory}/cgroup.kill", "1")
    end = time.monotonic() + PATIENCE_SECONDS
    for name in _below(directory):
        _remove_empty(f"{directory}/{name}", end)
    _remove_empty(directory, end)


def _remove_empty(directory: str, end: float) -> None:
    """Remove a group as soon as what ends in it has ended, which killed processes take a while for.

    :raises OSError: if it is not empty at ``end``, or the host refuses
    """
    while True:
        try:
            return os.rmdir(directory)
        except FileNotFoundError:
            return None
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.005)


def _move(source: str, target: str) -> None:
    """Move all processes from a group to another one."""
    for _ in range(_MOST_PASSES):
        pids = _read(f"{source}/cgroup.procs").split()
        # 0 stands for one that cannot be seen here.
        for pid in {*pids} - {"0"}:
            with contextlib.suppress(ProcessLookupError):
                _write(f"{target}/cgroup.procs", pid)
        if not pids:
            return


def _share_out(directory: str, controllers: Iterable[str]) -> tuple[str, ...]:
    """Let the groups below one be limited; what could not be limited before."""
    before = _read(f"{directory}/cgroup.subtree_control").split()
    added = []
    for name in controllers:
        # One by one: where one is refused the others may be had.
        with contextlib.suppress(OSError):
            if name not in before:
                _write(f"{directory}/cgroup.subtree_control", f"+{name}")
                added.append(name)
    return tuple(added)


def _take_back(directory: str, controllers: Iterable[str]) -> None:
    for name in controllers:
        with contextlib.suppress(OSError):  # somebody shares it out by now
            _write(f"{directory}/cgroup.subtree_control", f"-{name}")


@contextlib.contextmanager
def _locked(directory: str) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _below(directory: str) -> list[str]:
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


def _read(path: str) -> str:
    return Path(path).read_text()


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


class OwnGroups:
    """The groups of this process: opened when first wanted, closed when nobody uses them."""

    def __init__(self) -> None:
        self._users = 0
        self._groups: Groups | None = None
        self._why = ""
        self._process = 0
        self._lock = threading.Lock()

    def wanted(self, controllers: Iterable[str]) -> tuple[Groups | None, str]:
        """The groups, with as many of these controllers as there are; or ``None``, and why."""
        with self._lock:
            groups, why = self._wanted()
            if groups is not None:
                with contextlib.suppress(OSError):
                    groups.share_out(controllers)
            return groups, why

    def _wanted(self) -> tuple[Groups | None, str]:
        if self._process != os.getpid():
            self._groups, self._why, self._process = None, "", os.getpid()
            atexit.register(self._close)
        if self._groups is None and not self._why:
            one = offered()
            self._why = f"control groups: {one.why}" if one.why else ""
            if one.directory:
                try:
                    self._groups = open_groups(one)
                except OSError as error:
                    self._why = f"control groups: {one.directory}: {os.strerror(error.errno or 0)}"
        return self._groups, self._why

    def hold(self) -> None:
        """Somebody may want them."""
        self._users += 1

    def release(self) -> None:
        """And does not any more."""
        self._users -= 1
        if self._users == 0:
            self._close()

    def _close(self) -> None:
        with self._lock:
            self._close_now()

    def _close_now(self) -> None:
        if self._groups is not None and self._process == os.getpid():
            close_groups(self._groups)
            self._groups = None


OWN = OwnGroups()


def as_offered(blueprint: Blueprint) -> Blueprint:
    """The blueprint as `grouped` would have it; nothing is made."""
    one = offered()
    if not wants_groups(blueprint, slot_facts()):
        return blueprint
    if not one.directory:
        return blueprint._replace(no_groups=f"control groups: {one.why}")
    there = tuple(name for name in controllers_for(blueprint) if name in one.controllers)
    return blueprint._replace(groups=one.directory, controllers=there)


def grouped(message: Prepare) -> Prepare:
    """The message with a place for the control groups of its jobs, if their limits need some."""
    blueprint = Blueprint.from_plain(message.spec)
    if not wants_groups(blueprint, slot_facts()):
        return message
    wanted = controllers_for(blueprint)
    groups, why = OWN.wanted(wanted)
    if groups is None:
        return attrs.evolve(message, spec={**message.spec, "no_groups": why})
    there = tuple(name for name in wanted if name in groups.controllers)
    place = {"groups": groups.directory, "controllers": there}
    return attrs.evolve(message, spec={**message.spec, **place})
