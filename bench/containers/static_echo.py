"""A static program that writes a line and exits with status 0: `static_true`, with something to see."""

import os
from pathlib import Path

from static_true import elf

LINE = b"x\n"
# write(1, line, 2), exit_group(0); the line follows the code.
CODE = {
    "x86_64": bytes.fromhex(
        "b801000000 bf01000000 488d3510000000 ba02000000 0f05 31ff b8e7000000 0f05"
    ),
    "aarch64": bytes.fromhex(
        "200080d2 e1000010 420080d2 080880d2 010000d4 000080d2 c80b80d2 010000d4"
    ),
}


def write_static_echo(directory: Path) -> Path:
    """Write it as ``directory/echo`` and return its path."""
    machine = os.uname().machine
    path = directory / "echo"
    path.write_bytes(elf(machine, CODE[machine] + LINE))
    path.chmod(0o755)
    return path
