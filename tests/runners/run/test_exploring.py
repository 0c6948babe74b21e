"""The example of a look into containers, followed word for word at a terminal."""

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "exploring"
COMMANDS = [
    command
    for block in re.findall(r"```console\n(.*?)```", (EXAMPLE / "README.md").read_text(), re.S)
    for command in re.split(r"^\$ ", block, flags=re.M)[1:]
]
WAITS = r"(?:[$#>]|to end:) \Z"
"""A prompt, and nothing behind it."""


def test_there_is_something_to_follow() -> None:
    assert len(COMMANDS) == 4


@pytest.mark.parametrize("session", COMMANDS, ids=lambda one: one.split(" ")[0])
def test_the_example_goes_as_its_page_says(
    session: str,
    on_a_terminal: Callable[..., Any],
    surroundings: dict[str, str],
    tmp_path: Path,
) -> None:
    command, *lines = session.splitlines()
    directory = shutil.copytree(EXAMPLE, tmp_path / "exploring")
    variables = {
        **surroundings,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SHELL": "/bin/sh",
        "PS1": "$ ",
        "TERM": "dumb",
        "MAELSTROM_STATE": str(tmp_path / "state"),
    }
    at = on_a_terminal(["sh", "-c", f"exec {command}"], cwd=directory, env=variables)
    for line in lines:
        if line.startswith(">"):
            if line != "> tea":  # a program that asks without a prompt
                at.expect(WAITS)
            at.type(f"{line[2:]}\n")
        else:
            at.expect(re.escape(line))
    ended = at.end()

    assert ended == {"> exit 3": 3, "1 failed": 1}.get(lines[-1], 0)
    assert at.attributes == at.before
