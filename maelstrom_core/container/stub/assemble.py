"""Make the machine code out of its sources: ``python -m maelstrom_core.container.stub.assemble``.

Needs GNU as and objcopy, for aarch64 on another machine those of Debian's
``binutils-aarch64-linux-gnu``. Writes ``NAME_MACHINE.bin`` beside ``NAME_MACHINE.S``. Users never
run this: the bytes are part of the distribution, and a test compares them.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = tuple(sorted(HERE.glob("*.S")))


def tool(name: str, machine: str) -> str | None:
    """Path of an assembler's program for a machine, if it is installed."""
    own = machine == os.uname().machine
    return shutil.which(f"{machine.replace('_', '-')}-linux-gnu-{name}") or (
        shutil.which(name) if own else None
    )


def machine_of(source: Path) -> str:
    """``stub_x86_64.S`` is for ``x86_64``."""
    return source.stem.partition("_")[2]


def assemble(source: Path) -> bytes | None:
    """Machine code of a source, or ``None`` where its assembler is not installed.

    :raises subprocess.CalledProcessError: if the source has a fault
    """
    machine = machine_of(source)
    assembler, copier = tool("as", machine), tool("objcopy", machine)
    if assembler is None or copier is None:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        made, code = Path(scratch, "made.o"), Path(scratch, "made.bin")
        subprocess.run([assembler, "-o", made, source], check=True)
        subprocess.run([copier, "-O", "binary", "-j", ".text", made, code], check=True)
        # Some versions fill the section up to its alignment; the sources need none.
        return code.read_bytes()


def main() -> int:
    """Assemble all sources."""
    for source in SOURCES:
        code = assemble(source)
        if code is None:
            print(f"{source.name}: no assembler for {machine_of(source)} is installed")
            return 1
        source.with_suffix(".bin").write_bytes(code)
        print(f"{source.name}: {len(code)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
