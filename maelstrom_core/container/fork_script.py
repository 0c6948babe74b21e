"""What a template is told of how it is forked. Standard library only."""

from collections.abc import Sequence
from typing import Any

from maelstrom_core.container.packets import memory_file
from maelstrom_core.container.script import Step, laid_out


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
    }
    return message, files
