"""A template's memory in pages of 2 MiB, so that the kernel has few to copy the tables of.

For each page of 4 KiB that a process has, a fork of it costs the kernel an entry to copy and one to
take down. A large page is one entry, until a fork writes into it. Standard library only.
"""

from typing import Callable, Iterator, Tuple

_COLLAPSE = 25
"""``MADV_COLLAPSE``, since Linux 6.1 (madvise(2)): whatever the system's setting of large pages."""
_LARGE = 2 << 20
_ANONYMOUS = ("", "[heap]")


def in_large_pages(advise: Callable[[int, int, int], bool]) -> None:
    """Have the kernel put this process's own memory into large pages, where it can.

    :param advise: madvise(2), which may refuse
    """
    for start, end in _own_memory():
        for address in range(start, end, _LARGE):
            advise(address, _LARGE, _COLLAPSE)


def _own_memory() -> Iterator[Tuple[int, int]]:
    """Parts of memory that belong to no file, as far as they are made of whole large pages."""
    try:
        with open("/proc/self/maps") as file:
            mappings = [line.split(None, 5) for line in file]
    except OSError:
        return
    for between, permissions, _, _, _, *name in mappings:
        if permissions != "rw-p" or "".join(name).strip() not in _ANONYMOUS:
            continue
        first, _, last = between.partition("-")
        start, end = -(-int(first, 16) // _LARGE) * _LARGE, int(last, 16) // _LARGE * _LARGE
        if start < end:
            yield start, end
