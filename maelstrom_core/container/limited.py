"""What a slot process does about limits of jobs: groups for them, and a look at how they ended.

Standard library only. A job has a control group of its own, made when it is started and removed when
it has ended: what an earlier job has left in memory would count against the next one otherwise, for
its file systems are taken down when its end has been told of.
"""

import contextlib
import os
from collections.abc import Callable, Iterable
from signal import SIGKILL
from typing import Any

from maelstrom_core.container import flags as k
from maelstrom_core.container.blueprint import Blueprint
from maelstrom_core.container.child import StepFailed, perform_steps
from maelstrom_core.container.facts import SlotFacts
from maelstrom_core.container.limits_plan import Ending, Kept, group_files, hits, kept
from maelstrom_core.container.looking import descendants, number_here, pid_of, read_text
from maelstrom_core.container.script import Step

NO_LIMIT = 1 << 62
_OOM_SCORE = 500
"""As much as half of the memory of the host would add."""
_INIT_AND_FORK = 2
MOST_PASSES = 50
"""Over the processes of a job that is moved to its group; a fork bomb gets there first otherwise."""


class Group:
    """A job's control group.

    :param parent: descriptor of the directory that it is in
    :param files: names and contents of those that limit it
    :raises StepFailed: where the host refuses
    """

    def __init__(self, parent: int, name: str, files: Iterable[tuple[str, str]]) -> None:
        self._parent = parent
        self._name = name
        self.descriptor = -1
        try:
            os.mkdir(name, 0o755, dir_fd=parent)
            how = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
            self.descriptor = os.open(name, how, dir_fd=parent)
            for file, text in files:
                self._write(file, text)
        except OSError as error:
            self.remove()
            step = Step("mkdirat", (), "make a control group for the job")
            raise StepFailed(step, error.errno or 0) from None

    def _write(self, file: str, text: str) -> None:
        how = os.O_WRONLY | os.O_CLOEXEC
        try:
            descriptor = os.open(file, how, dir_fd=self.descriptor)
        except FileNotFoundError:
            if file == "memory.swap.max":
                return  # this kernel does not count swap by itself
            raise
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)

    def take(self, proc: int, pidfd: int) -> None:
        """Move a job into it that runs already: all of its processes but the init.

        A move takes a lock over all forks of the machine, some 10 ms; that of the init is spared.

        :param proc: descriptor of a /proc that shows the job
        :param pidfd: of its pid 1
        """
        moved: set[str] = set()
        for _ in range(MOST_PASSES):
            with contextlib.suppress(OSError, KeyError):
                first = pid_of(proc, pidfd)
                found = [one for one in descendants(proc, first) if one not in moved]
                for pid in found:
                    moved.add(pid)
                    with contextlib.suppress(ProcessLookupError):
                        self._write("cgroup.procs", number_here(proc, pid))
                if found:
                    continue
            return

    def counted(self, file: str, key: str) -> int:
        """A number of one of its files; 0 where that is not there."""
        with contextlib.suppress(OSError, ValueError):
            descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.descriptor)
            try:
                lines = os.read(descriptor, 4096).decode().splitlines()
            finally:
                os.close(descriptor)
            for line in lines:
                name, _, value = line.partition(" ")
                if name == key:
                    return int(value)
        return 0

    def remove(self) -> None:
        """Remove it; its processes have ended."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
        # What cannot be removed is removed with the engine's own group.
        with contextlib.suppress(OSError):
            os.rmdir(self._name, dir_fd=self._parent)


def end_first() -> None:
    """Where the host is out of memory, let the kernel kill jobs sooner than whoever has started them.

    Of this process and all that it will start; the small ones among them, slots and inits, come last.
    """
    path = "/proc/self/oom_score_adj"
    with contextlib.suppress(OSError, ValueError):  # a host that hides it has its own ideas
        with open(path) as file:
            score = int(file.read())
        if score < _OOM_SCORE:
            with open(path, "w") as file:
                file.write(str(_OOM_SCORE))


class Limited:
    """The limits of a container's jobs.

    Made while the slot sees the host's files.

    :param proc: descriptor of a /proc
    :raises StepFailed: where the directory of groups cannot be opened
    """

    def __init__(self, blueprint: Blueprint, facts: SlotFacts, proc: int) -> None:
        self.kept: tuple[Kept, ...] = kept(blueprint, facts)
        output = blueprint.output_bytes
        self.most_output = NO_LIMIT if output is None else output
        self._proc = proc
        self._files = group_files(blueprint)
        self._parent = -1
        self._made = 0
        self._token = ""
        self._host_kills = self._count_host_kills()
        if blueprint.groups:
            self._token = os.urandom(4).hex()
            try:
                how = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
                self._parent = os.open(blueprint.groups, how)
            except OSError as error:
                step = Step("openat", (), "open the directory of control groups")
                raise StepFailed(step, error.errno or 0) from None

    @property
    def has_groups(self) -> bool:
        """Whether each job needs a control group."""
        return self._parent >= 0

    def group(self) -> "Group | None":
        """A control group for a job; ``None`` if its limits need none.

        :raises StepFailed: where the host refuses
        """
        if self._parent < 0:
            return None
        self._made += 1
        return Group(self._parent, f"job-{self._token}-{self._made}", self._files)

    def _count_host_kills(self) -> int:
        with contextlib.suppress(OSError, ValueError):
            how = os.O_RDONLY | os.O_CLOEXEC
            with open(os.open("vmstat", how, dir_fd=self._proc), "rb") as file:
                for line in file:
                    if line.startswith(b"oom_kill "):
                        return int(line.split()[1])
        return 0

    def host_kills(self) -> int:
        """How many processes of this host were killed for want of memory since it was asked last."""
        before, self._host_kills = self._host_kills, self._count_host_kills()
        return self._host_kills - before

    def processes_started(self) -> int:
        """A number that grows with each process or thread that is started in this slot.

        The slot's pid namespace gives a number to each process of its jobs as well. 0 where the
        kernel does not say (CONFIG_CHECKPOINT_RESTORE).
        """
        try:
            return int(read_text(self._proc, "sys/kernel/ns_last_pid"))
        except (OSError, ValueError):
            return 0

    def let_go(self) -> None:
        """The container is not used any more."""
        if self._parent >= 0:
            os.close(self._parent)
            self._parent = -1


class JobLimits:
    """Limits of one job.

    :param limited: those of its container
    :param look: goes to a mount namespace and comes back, calling a function there
    :param group: its control group, if it was started in one
    :param first: number of its first process, in the slot's pid namespace; 0 if that is not known
    """

    def __init__(
        self,
        limited: Limited,
        look: "Callable[[int, Callable[[], None]], None]",
        group: "Group | None" = None,
        first: int = 0,
    ) -> None:
        self.most_output = limited.most_output
        self.flooded = False
        self._limited = limited
        self._before = first - 1
        self._look = look
        self.group = group
        self.wait_for_group = group is None and limited.has_groups
        """Whether it must not do anything before it was moved to one."""

    def begin(self) -> None:
        """A fork is given something to do: what was started before is not its own, but for two."""
        self._before = self._limited.processes_started() - _INIT_AND_FORK

    def shut_in(self, proc: int, pidfd: int) -> None:
        """Move a fork to a group, if its limits need one.

        A fork is made by its template, which must not have hold of groups: it could change them.

        :param proc: descriptor of a /proc that shows it
        :param pidfd: of its pid 1
        :raises StepFailed: where the host refuses
        """
        if self.wait_for_group:
            self.group = self._limited.group()
            if self.group is not None:
                self.group.take(proc, pidfd)
            self.wait_for_group = False

    def hits(
        self, status: int, cpu_seconds: float, peak_bytes: int, mounts: int
    ) -> tuple[tuple[Any, ...], ...]:
        """Which limits it has run into, as they travel; it has ended.

        :param mounts: descriptor of its mount namespace; negative if nobody has kept that
        """
        group = self.group
        if status == 0 and group is None:
            return ()  # most jobs: whatever it met, it has lived with it
        started = 0
        if status and self._before >= 0:
            started = max(0, self._limited.processes_started() - self._before)
        ending = Ending(
            status,
            cpu_seconds,
            peak_bytes,
            self.flooded,
            started,
            group.counted("memory.events", "oom_kill") if group else 0,
            group.counted("pids.events", "max") if group else 0,
            self._limited.host_kills() if status & 0x7F == SIGKILL else 0,
            self._full(mounts) if status and mounts >= 0 else (),
        )
        return tuple(hit.packed() for hit in hits(self._limited.kept, ending))

    def _full(self, mounts: int) -> tuple[str, ...]:
        """Which of its file systems have no room left."""
        paths = [one.where for one in self._limited.kept if one.name == "disk"]
        full: list[str] = []

        def look() -> None:
            for path in paths:
                with contextlib.suppress(OSError):
                    room = os.statvfs(path)
                    if room.f_blocks and not (room.f_bavail and room.f_ffree):
                        full.append(path)

        with contextlib.suppress(StepFailed):
            self._look(mounts, look)
        return tuple(full)

    def end(self) -> None:
        """Let go of its group."""
        if self.group is not None:
            self.group.remove()
            self.group = None


def looking_from(view: int, numbers: dict[str, int]) -> "Callable[[int, Callable[[], None]], None]":
    """What goes to a mount namespace, calls a function there, and comes back.

    :param view: descriptor of the mount namespace to come back to
    """

    def look(mounts: int, then: Callable[[], None]) -> None:
        there = Step("setns", (mounts, k.CLONE_NEWNS), "look at what the job left")
        perform_steps([there], numbers)
        try:
            then()
        finally:
            back = Step("setns", (view, k.CLONE_NEWNS), "leave the job's mounts")
            perform_steps([back], numbers)

    return look
