"""Machine code: the interpreter of scripts, and the tiny program that is pid 1 of containers.

Sources are the ``.S`` files beside this one, with every step explained; ``assemble`` makes the
``.bin`` files out of them. Standard library only: slot processes load this package.
"""

import os
from array import array
from collections.abc import Sequence
from struct import pack

_HERE = os.path.dirname(__file__)
_ELF_MACHINES = {"x86_64": 62, "aarch64": 183}
_BASE = 0x400000
_HEADER, _PROGRAM_HEADER = 64, 56
_SERVE, _FILLED = 16, b"\xcc" * 11
"""The interpreter that serves as well begins with a jump over that, filled up to its length."""
LETTER_ADDRESS, LETTER_BYTES = 0x600000, 0x10000
"""Where the init puts what it is told while it waits (``LETTER`` in its source)."""


def stub_for(machine: str) -> bytes | None:
    """Code of the interpreter for ``os.uname().machine``; ``None`` for a machine it lacks."""
    return _code("stub", machine)


def serve_entry_of(code: bytes) -> int:
    """Where in that code a template's serving begins; 0 if it has none (`stub_x86_64.S`)."""
    return _SERVE if code[5:_SERVE] == _FILLED else 0


def init_elf_for(machine: str) -> bytes | None:
    """A complete static ELF program for pid 1; ``None`` for a machine it lacks."""
    code = _code("init", machine)
    return None if code is None else elf(machine, code, room=True)


def elf(machine: str, code: bytes, *, room: bool = False) -> bytes:
    """The smallest file that the kernel loads: a header, one segment, the code (elf(5)).

    :param room: add a writable segment for a letter
    """
    segments = 2 if room else 1
    start = _HEADER + segments * _PROGRAM_HEADER
    size = start + len(code)
    identity, entry = b"\x7fELF\x02\x01\x01", _BASE + start
    numbers = (2, _ELF_MACHINES[machine], 1, entry, 64, 0, 0, 64, 56, segments, 0, 0, 0)
    made = pack("<16sHHIQQQIHHHHHH", identity, *numbers)
    made += pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    if room:
        there = (LETTER_ADDRESS, LETTER_ADDRESS, 0, LETTER_BYTES)
        made += pack("<IIQQQQQQ", 1, 6, 0, *there, 0x1000)
    return made + code


def letter(arguments: Sequence[bytes], environment: Sequence[bytes]) -> bytes | None:
    """What a waiting init is told: ``argc``, ``argv`` and ``envp`` as they lie on a stack.

    :return: ``None`` if there is not enough room
    """
    texts = (*arguments, *environment)
    at = LETTER_ADDRESS + 8 * (len(texts) + 3)
    pointers = []
    for text in texts:
        pointers.append(at)
        at += len(text) + 1
    if at > LETTER_ADDRESS + LETTER_BYTES:
        return None
    pointers.insert(len(arguments), 0)
    words = array("Q", [len(arguments), *pointers, 0])
    return words.tobytes() + b"\0".join([*texts, b""])


def _code(name: str, machine: str) -> bytes | None:
    try:
        with open(os.path.join(_HERE, f"{name}_{machine}.bin"), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
