"""Machine code as a slot process has it: mapped, or as a file to be started. Standard library only."""

from maelstrom_core.container import syscalls
from maelstrom_core.container.packets import memory_file
from maelstrom_core.container.stub import init_elf_for


def mapped_stub(code: bytes) -> "syscalls.Stub | None":
    """The interpreter of scripts, to be called; ``None`` where memory cannot be made executable."""
    try:
        return syscalls.map_executable(code)
    except OSError:
        return None


def init_descriptor(machine: str) -> int:
    """Memory file of the tiny program that is pid 1 of jobs."""
    elf = init_elf_for(machine)
    return -1 if elf is None else memory_file(elf)
