"""What the kernel says of a job's processes, for one whose time is up. Standard library only.

A program that can say itself where it is does so when it is sent its stack signal. This is for what
is left: one that blocks every signal, is stopped, or waits for a process it has started. Read while
it still hangs, through a /proc in which the slot sees the job; nothing here may fail or wait.
"""

import os
import stat

MOST_PROCESSES = 16
MOST_OUTPUT_BYTES = 8 * 1024
_TERM_BIT = 1 << 14
_STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "waiting for the disk or a device",
    "T": "stopped",
    "t": "stopped by a tracer",
    "Z": "ended, and not waited for",
}


def look(proc: int, pidfd: int) -> str:
    """A few lines about each process; why there are none, where it cannot be seen.

    :param proc: descriptor of a /proc that shows the job
    :param pidfd: of its pid 1
    """
    try:
        pids = descendants(proc, pid_of(proc, pidfd))
    except (OSError, KeyError, ValueError) as error:
        return f"its processes cannot be looked at here: {_reason(error)}"
    lines = []
    for pid in pids[:MOST_PROCESSES]:
        try:
            lines += _described(proc, pid)
        except (OSError, KeyError, ValueError) as error:
            lines.append(f"a process could not be looked at: {_reason(error)}")
    if len(pids) > MOST_PROCESSES:
        lines.append(f"and {len(pids) - MOST_PROCESSES} more processes")
    for stream, name in ((1, "stdout"), (2, "stderr")):
        written = _written(proc, pids[0], stream) if pids else ""
        if written:
            lines += [f"--- {name}, captured until then ---", written.rstrip()]
    return "\n".join(lines)


def pid_of(proc: int, pidfd: int) -> str:
    """The process that a descriptor stands for, by its number in a /proc.

    :raises OSError: if it cannot be looked up
    """
    try:
        return _fields(read_text(proc, f"self/fdinfo/{pidfd}"))["Pid"]
    except KeyError:
        raise OSError(f"descriptor {pidfd} stands for no process") from None


def number_here(proc: int, pid: str) -> str:
    """The number in this slot's own pid namespace of a process that has another one in that /proc.

    The namespace is a child of that to which the /proc belongs.

    :raises ProcessLookupError: if it has ended
    """
    try:
        return _fields(read_text(proc, f"{pid}/status"))["NSpid"].split()[1]
    except (OSError, KeyError, IndexError):
        raise ProcessLookupError(pid) from None


def descendants(proc: int, pid: str) -> list[str]:
    """All descendants of a process, itself left out: of a job it is the tiny init."""
    found: list[str] = []
    waiting = [pid]
    while waiting and len(found) < 1000:
        parent = waiting.pop(0)
        children: list[str] = []
        for thread in _list(proc, f"{parent}/task"):
            # Present with CONFIG_PROC_CHILDREN, as every distribution has it.
            children += read_text(proc, f"{parent}/task/{thread}/children").split()
        found += children
        waiting += children
    return found


def _described(proc: int, pid: str) -> list[str]:
    status = _fields(read_text(proc, f"{pid}/status"))
    state = status["State"]
    inner = status.get("NSpid", pid).split()[-1]
    line = f"{status['Name']} (pid {inner}): {_STATES.get(state[:1], state)}"
    # "0" is said for what runs, and for all where the kernel keeps addresses to itself.
    place = _try(proc, f"{pid}/wchan")
    if place not in ("", "0"):
        line += f" in the kernel's {place}"
    call = _try(proc, f"{pid}/syscall").split(" ")[0]
    if call.isdigit():
        line += f", system call {call}"
    if int(status.get("Threads", "1")) > 1:
        line += f"; {status['Threads']} threads"
    blocked, ignored = int(status["SigBlk"], 16), int(status["SigIgn"], 16)
    line += "; blocks SIGTERM" if blocked & _TERM_BIT else ""
    line += "; ignores SIGTERM" if ignored & _TERM_BIT else ""
    lines = [line]
    # For the real root alone.
    lines += [f"    {entry}" for entry in _try(proc, f"{pid}/stack").splitlines()[:20]]
    return lines


def _written(proc: int, pid: str, stream: int) -> str:
    """The end of what a program has written to a stream, if that is a file by now.

    A test framework that captures output does so in files, which end with the container.
    """
    path = f"{pid}/fd/{stream}"
    try:
        if not stat.S_ISREG(os.stat(path, dir_fd=proc).st_mode):
            return ""
        how = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        descriptor = os.open(path, how, dir_fd=proc)
        try:
            start = max(0, os.fstat(descriptor).st_size - MOST_OUTPUT_BYTES)
            return os.pread(descriptor, MOST_OUTPUT_BYTES, start).decode("utf-8", "replace")
        finally:
            os.close(descriptor)
    except OSError:
        return ""


def read_text(proc: int, path: str) -> str:
    """A file of a /proc, as much as is read at once."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
    try:
        return os.read(descriptor, 64 * 1024).decode("utf-8", "replace")
    finally:
        os.close(descriptor)


def _try(proc: int, path: str) -> str:
    try:
        return read_text(proc, path).strip()
    except OSError:
        return ""


def _list(proc: int, path: str) -> list[str]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=proc)
    try:
        return os.listdir(descriptor)
    finally:
        os.close(descriptor)


def _fields(text: str) -> dict[str, str]:
    """Lines of ``name: value``."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return f"{os.strerror(error.errno)} ({error.filename})"
    return f"{type(error).__name__}: {error}"
