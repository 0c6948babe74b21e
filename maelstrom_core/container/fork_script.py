"""What a template is told of how it is forked. Standard library only."""

import struct
from collections.abc import Sequence
from typing import Any

from maelstrom_core.container.packets import memory_file
from maelstrom_core.container.script import Step, laid_out
from maelstrom_core.container.stub import serve_entry_of

REQUEST, ANSWER = struct.Struct("=2Q"), struct.Struct("=2Q2qQ")
"""Packets that a template may be able to be asked by, and to answer by: 1 and a number; 2, a number, a
pid or ``-errno``, which step of the script has failed or -1, and its ``errno``."""
ASKS, ANSWERS = 1, 2


def fork_script(
    steps: Sequence[Step], numbers: dict[str, int], namespaces: int, code: bytes | None
) -> tuple[dict[str, Any], list[int]]:
    """The script of forks as a message, and descriptors that go along with it, behind the init's.

    :param numbers: of system calls, by name
    :param namespaces: flags of clone3
    :param code: machine code that performs it, if the host allows that
    """
    layout = laid_out(steps, numbers)
    files = [memory_file(layout.words.tobytes())]
    files += [] if code is None else [memory_file(code)]
    message = {
        "kind": "script",
        "relocations": layout.relocations,
        "parameters": layout.parameters,
        "namespaces": namespaces,
        "clone3": numbers["clone3"],
        "serve": 0 if code is None else serve_entry_of(code),
    }
    return message, files
