"""``--maelstrom-list``: the cases on standard output, everything else on standard error."""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import takewhile
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


def tree(config: pytest.Config, messages: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Lines of ``--collect-only``, at each of its verbosities."""
    cases = [message for message in messages if message["kind"] == "case"]
    verbosity = config.get_verbosity("test_cases")
    if verbosity < -1:
        counts = Counter(case["id"].partition("::")[0] for case in cases)
        yield from (f"{file}: {number}" for file, number in sorted(counts.items()))
        return
    if verbosity < 0:
        yield from (case["id"] for case in cases)
        return
    if cases:
        yield ""
    above: list[list[str]] = []
    for case in cases:
        chain = case["tree"]
        pairs = zip(above, chain[:-1], strict=False)
        same = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
        for depth, (name, documentation) in enumerate(chain[same:], start=same):
            yield f"{'  ' * depth}{name}"
            if verbosity >= 1:
                yield from (f"{'  ' * (depth + 1)}{line}" for line in documentation.splitlines())
        above = chain


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
