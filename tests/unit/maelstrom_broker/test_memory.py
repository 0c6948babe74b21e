"""What was needed once is given back to the kernel, though something small lies above it."""

import subprocess
import sys

import pytest
from maelstrom_broker import memory

SCRIPT = """
from pathlib import Path
from maelstrom_broker.memory import give_back

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) >> 10

bytes(30 << 20)  # once one as large was freed, smaller ones come out of one heap
large = [bytes([7]) * (240 << 10) for _ in range(500)]
small = bytes([7]) * 2000
before = resident()
del large
after = resident()
give_back()
print(before, after, resident())
"""


def test_free_memory_goes_back() -> None:
    if memory._TRIM is None:
        pytest.skip("the C library has no malloc_trim")
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    before, kept, left = map(int, done.stdout.split())
    assert kept > left + 20, "there was nothing to give back"
    assert left < before - 80
