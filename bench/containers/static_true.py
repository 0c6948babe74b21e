"""A static program that does nothing but exit with status 0, as bytes: no compiler is needed.

The smallest ELF that the kernel loads: one header, one segment, three instructions (elf(5)).
"""

import os
import struct
from pathlib import Path

BASE = 0x400000
HEADERS = 64 + 56

MACHINES = {"x86_64": 62, "aarch64": 183}
"""Their numbers in an ELF header."""
# exit_group(0): x86-64 number 231, aarch64 number 94.
CODE = {
    "x86_64": bytes.fromhex("31ff b8e7000000 0f05"),
    "aarch64": bytes.fromhex("000080d2 c80b80d2 010000d4"),
}


def elf(machine: str, code: bytes) -> bytes:
    """A program of so many bytes of code, for ``machine`` (``os.uname().machine``)."""
    size = HEADERS + len(code)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        2,  # ET_EXEC
        MACHINES[machine],
        1,
        BASE + HEADERS,  # entry
        64,  # program headers begin
        0,
        0,
        64,
        56,
        1,
        0,
        0,
        0,
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, size, size, 0x1000)
    return header + segment + code


def write_static_true(directory: Path) -> Path:
    """Write it as ``directory/true`` and return its path."""
    path = directory / "true"
    machine = os.uname().machine
    path.write_bytes(elf(machine, CODE[machine]))
    path.chmod(0o755)
    return path
