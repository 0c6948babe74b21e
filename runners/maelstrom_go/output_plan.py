"""What a test binary of Go prints, made sense of. Pure.

With ``-test.v=test2json`` every line that is the framework's begins with a byte 22 (``^V``), so that
nothing that a test prints can be taken for one. Source: ``src/testing/testing.go`` and
``src/cmd/internal/test2json`` of Go 1.20 and later, which has made this so for exactly this use.
"""

import re
from collections.abc import Iterator
from typing import Any

import attrs

MARK = "\x16"
_RESULT = re.compile(r"( *)--- (PASS|FAIL|SKIP|BENCH): (.*?)(?: \((\d+(?:\.\d+)?)s\))?$")
_EVENTS = {"PASS": "pass", "FAIL": "fail", "SKIP": "skip", "BENCH": "bench"}
_KINDS = (("Test", "test"), ("Benchmark", "benchmark"), ("Fuzz", "fuzz"), ("Example", "example"))
_SWITCHES = {"RUN": "run", "PAUSE": "pause", "CONT": "cont", "NAME": None}


@attrs.frozen(kw_only=True)
class Said:
    """One event, as ``go test -json`` has them; what it is of is the test, empty for the binary.

    :param action: ``run``, ``output``, ``pass``, ``fail``, ``skip``, ``bench``, ``pause``, ``cont``
    :param seconds: that it took, if it has ended
    """

    action: str
    test: str = ""
    output: str = ""
    seconds: float | None = None


@attrs.define
class Test:
    """One test or subtest.

    :param status: ``pass``, ``fail``, ``skip``, ``bench``; empty if it has not ended
    :param output: what it has printed, but for what the framework says of its ending
    """

    name: str
    status: str = ""
    seconds: float = 0.0
    output: str = ""


def kind_of(name: str) -> str:
    """What a test is, by its name: ``test``, ``benchmark``, ``fuzz`` or ``example``."""
    return next(kind for prefix, kind in _KINDS if name.startswith(prefix))


def events(text: str) -> Iterator[Said]:
    """What happened, in its order; all that was printed is the output of some event."""
    current = ""
    for line in text.splitlines(keepends=True):
        printed, mark, said = line.partition(MARK)
        if printed:
            # A test may print half a line before the framework goes on.
            yield Said(action="output", test=current, output=printed)
        if not mark:
            continue
        stripped = said.rstrip("\n")
        if stripped.startswith("=== "):
            word, _, name = stripped[4:].partition(" ")
            current = name.strip()
            action = _SWITCHES.get(word)
            if action is not None:
                yield Said(action=action, test=current)
                yield Said(action="output", test=current, output=said)
            continue
        match = _RESULT.match(stripped)
        if match is None:
            yield Said(action="output", output=said)
            continue
        _, word, name, seconds = match.groups()
        current = name
        yield Said(action="output", test=name, output=said)
        took = float(seconds) if seconds else None
        yield Said(action=_EVENTS[word], test=name, seconds=took)


def results_of(text: str) -> dict[str, Test]:
    """Tests and subtests by name, in the order in which they began."""
    found: dict[str, Test] = {}
    for said in events(text):
        if not said.test:
            continue
        test = found.setdefault(said.test, Test(said.test))
        if said.action == "output":
            if not said.output.startswith(("=== ", "--- ", "    --- ")):
                test.output += said.output
        elif said.action in _EVENTS.values():
            test.status = said.action
            test.seconds = said.seconds or 0.0
    return found


def plain(said: Said, *, package: str, time: str) -> dict[str, Any]:
    """An event as ``go test -json`` prints it (``go doc test2json``).

    :param time: RFC 3339
    """
    event: dict[str, Any] = {"Time": time, "Action": said.action, "Package": package}
    if said.test:
        event["Test"] = said.test
    if said.action == "output":
        event["Output"] = said.output
    if said.seconds is not None:
        event["Elapsed"] = said.seconds
    return event
