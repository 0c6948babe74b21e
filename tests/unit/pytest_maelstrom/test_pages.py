"""A template's memory in large pages: which parts are asked for, and that the kernel does it."""

import re
import subprocess
import sys

import pytest

from pytest_maelstrom.inside.pages import in_large_pages

LARGE = 2 << 20
TRY = """
import ctypes, mmap
from pytest_maelstrom.inside.pages import in_large_pages

memory = mmap.mmap(-1, 32 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for at in range(0, len(memory), 4096):
    memory[at] = 1
madvise = ctypes.CDLL(None).madvise

def advise(address, size, advice):
    taken = madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), advice) == 0
    print("taken" if taken else "refused")
    return taken

in_large_pages(advise)
print(open("/proc/self/smaps_rollup").read())
"""


def test_whole_large_pages_of_own_memory_are_asked_for() -> None:
    asked: list[tuple[int, int, int]] = []
    block = bytearray(16 << 20)

    def refuses(address: int, size: int, advice: int) -> bool:
        asked.append((address, size, advice))
        return False

    in_large_pages(refuses)
    assert asked
    assert {(address % LARGE, size, advice) for address, size, advice in asked} == {(0, LARGE, 25)}
    assert len({address for address, _, _ in asked}) == len(asked)
    with open("/proc/self/maps") as file:
        maps = [line.split() for line in file]
    files = [part[0].split("-") for part in maps if len(part) > 5 and part[5].startswith("/")]
    for first, last in ((int(first, 16), int(last, 16)) for first, last in files):
        assert not any(first <= address < last for address, _, _ in asked), "memory of a file"
    del block


def test_the_kernel_does_it() -> None:
    done = subprocess.run([sys.executable, "-c", TRY], capture_output=True, text=True, check=True)
    if "taken" not in done.stdout:
        pytest.skip("this kernel refuses MADV_COLLAPSE")
    found = re.search(r"AnonHugePages: *(\d+) kB", done.stdout)
    assert found and int(found[1]) >= 16 << 10
