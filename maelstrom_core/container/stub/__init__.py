"""Machine code: the interpreter of scripts, and the tiny program that is pid 1 of containers.

Sources are the ``.S`` files beside this one, with every step explained; ``assemble`` makes the
``.bin`` files out of them. Standard library only: slot processes load this package.
"""

from pathlib import Path
from struct import pack

_HERE = Path(__file__).parent
_ELF_MACHINES = {"x86_64": 62, "aarch64": 183}
_BASE = 0x400000
_HEADERS = 64 + 56


def stub_for(machine: str) -> bytes | None:
    """Code of the interpreter for ``os.uname().machine``; ``None`` for a machine it lacks."""
    return _code("stub", machine)


def init_elf_for(machine: str) -> bytes | None:
    """A complete static ELF program for pid 1; ``None`` for a machine it lacks."""
    code = _code("init", machine)
    return None if code is None else elf(machine, code)


def elf(machine: str, code: bytes) -> bytes:
    """The smallest file that the kernel loads: a header, one segment, the code (elf(5))."""
    size = _HEADERS + len(code)
    identity, entry = b"\x7fELF\x02\x01\x01", _BASE + _HEADERS
    numbers = (2, _ELF_MACHINES[machine], 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    header = pack("<16sHHIQQQIHHHHHH", identity, *numbers)
    return header + pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000) + code


def _code(name: str, machine: str) -> bytes | None:
    path = _HERE / f"{name}_{machine}.bin"
    return path.read_bytes() if path.exists() else None
