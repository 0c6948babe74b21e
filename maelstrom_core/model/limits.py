"""Limits that jobs run into, and what people are told of that. Pure."""

import enum

import attrs


class Limit(enum.Enum):
    """What can be limited, as a container's ``limits`` call it."""

    MEMORY = "memory"
    PIDS = "pids"
    CPU_SECONDS = "cpu_seconds"
    FILE_SIZE = "file_size"
    OUTPUT = "output"
    DISK = "disk"
    """A file system of a size: the writable root, a tmpfs."""


HOST = "memory of this host"
"""By what a job was limited that has no such limit of its own."""
_WHAT = {
    Limit.MEMORY: "memory",
    Limit.PIDS: "processes and threads at once",
    Limit.CPU_SECONDS: "CPU time",
    Limit.FILE_SIZE: "the size of a file",
    Limit.OUTPUT: "output",
    Limit.DISK: "room for files",
}
_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


@attrs.frozen
class LimitHit:
    """A limit that a job has run into.

    :param allowed: how much it may use: bytes, seconds, or processes
    :param by: what keeps it on this host ("control group")
    :param where: of `Limit.DISK`: where the file system is mounted
    :param certain: false if nothing says so but what it has used: what a process is refused by a limit
        of its own, nobody else is told of
    """

    limit: Limit
    allowed: float
    by: str
    where: str = ""
    certain: bool = True

    @property
    def remedy(self) -> str:
        """What raises it."""
        if self.by == HOST:
            return "fewer slots need less, and limits.memory ends what takes most"
        if self.limit is not Limit.DISK:
            return f"limits.{self.limit.value} raises it"
        if self.where == "/":
            return "root_size raises it"
        return f"size of the mount {self.where} raises it"

    def describe(self) -> str:
        """A fragment for people: which one, how much, by what it is kept."""
        if self.by == HOST:
            return f"limit of memory: where it ran there was no more; {self.remedy}"
        what = _WHAT[self.limit] + (f" in {self.where}" if self.where else "")
        return f"limit of {what}: {self._amount()}, by {self.by}; {self.remedy}"

    def note(self) -> str:
        """A line for people, of a job that has not been ended by it."""
        return f"it has {'' if self.certain else 'perhaps '}run into its {self.describe()}"

    def _amount(self) -> str:
        if self.limit is Limit.CPU_SECONDS:
            return f"{self.allowed:g} s"
        if self.limit is Limit.PIDS:
            return f"{self.allowed:g}"
        for unit, name in _UNITS:
            if self.allowed >= unit and self.allowed % unit == 0:
                return f"{self.allowed / unit:g} {name}"
        return f"{self.allowed:g} bytes" if self.allowed < 1 << 20 else f"{self.allowed:.0f} bytes"
