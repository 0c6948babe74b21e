"""``--maelstrom-list``: the cases on standard output, everything else on standard error."""

import json
import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

import pytest

_OUTPUT = pytest.StashKey[TextIO]()
VERSION = 1
"""Of the JSON document; raised when what is in it changes its meaning."""


def begin(config: pytest.Config) -> None:
    """Keep standard output for the list.

    Before pytest makes its terminal reporter, which then writes to standard error.
    """
    config.option.collectonly = True
    output = sys.stdout
    config.stash[_OUTPUT] = output
    sys.stdout = sys.stderr
    config.add_cleanup(lambda: setattr(sys, "stdout", output))


def show(config: pytest.Config, messages: Iterable[dict[str, Any]]) -> bool:
    """Print the list, if it was asked for; whether it was."""
    output = config.stash.get(_OUTPUT, None)
    if output is None:
        return False
    cases = [message for message in messages if message["kind"] == "case"]
    if config.option.maelstrom_list == "json":
        text = json.dumps({"version": VERSION, "cases": [_plain(one) for one in cases]}, indent=1)
    else:
        text = "\n".join(one["id"] for one in cases)
    try:
        print(text, file=output, end="\n" if text else "", flush=True)
    except BrokenPipeError:
        # The reader has had enough; neither is there anything to be said at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
    return True


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    file, line, _ = message["location"]
    return {
        "node_id": message["id"],
        "name": message["name"],
        "file": file,
        "line": None if line is None else line + 1,
        "markers": message["markers"],
        "own_markers": message["own_markers"],
    }
