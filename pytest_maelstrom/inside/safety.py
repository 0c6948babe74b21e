"""May this process be forked? Found out by looking, not by hoping.

A fork has one thread, and shares what its parent had open: so threads, children, sockets, pipes and
files open for writing speak against it, whoever made them.
"""

import os
import stat
import threading
from typing import Collection, List, Tuple

_TASKS = "/proc/self/task"
_HARMLESS = ("anon_inode:inotify",)


def threads_alive() -> List[str]:
    """A line for each thread beside this one, by its name where Python knows it."""
    if len(os.listdir(_TASKS)) == 1:
        return []
    own = threading.current_thread()
    names = [thread.name for thread in threading.enumerate() if thread is not own]
    unknown = len(os.listdir(_TASKS)) - 1 - len(names)
    names += ["of a library"] * unknown
    return [f"the thread {name!r} runs" for name in names]


def children_alive() -> List[str]:
    """A line for each child of this process."""
    try:
        with open(f"{_TASKS}/{os.getpid()}/children") as file:
            return [f"the child process {pid} runs" for pid in file.read().split()]
    except OSError:  # a kernel without that list
        return []


def foreign_descriptors(known: Collection[int]) -> List[str]:
    """A line for each open descriptor that forks must not share.

    :param known: descriptors that do not count
    """
    found = []
    for name in sorted(os.listdir("/proc/self/fd"), key=int):
        number = int(name)
        if number <= 2 or number in known:
            continue
        try:
            status, target = os.fstat(number), os.readlink(f"/proc/self/fd/{name}")
        except OSError:  # the descriptor of the listing itself
            continue
        why = _why_not_shared(number, status, target)
        if why:
            found.append(f"{why} is open (descriptor {number}: {target})")
    return found


def _why_not_shared(number: int, status: os.stat_result, target: str) -> str:
    if target.startswith("/dev/nvidia"):
        return "a GPU"
    if stat.S_ISSOCK(status.st_mode):
        return "a socket"
    if stat.S_ISFIFO(status.st_mode):
        return "a pipe"
    if target.startswith("anon_inode:"):
        return "" if target in _HARMLESS else "a kernel object"
    if stat.S_ISREG(status.st_mode) and _writable(number):
        return "a file for writing"
    return ""


def _writable(number: int) -> bool:
    import fcntl

    return fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY


def copies_of_standard_streams(known: Collection[int]) -> List[Tuple[int, int]]:
    """Descriptors that are copies of 1 or 2, with the one that each is a copy of."""
    streams = {_file_of(number): number for number in (1, 2)}
    copies = []
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        if number <= 2 or number in known:
            continue
        try:
            original = streams.get(_file_of(number))
        except OSError:  # the descriptor of the listing itself
            continue
        if original is not None:
            copies.append((number, original))
    return copies


def _file_of(number: int) -> Tuple[int, int]:
    status = os.fstat(number)
    return status.st_dev, status.st_ino
