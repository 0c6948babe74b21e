"""``-json``: what ``go test -json`` prints, for programs that read it (gotestsum, editors, CI).

Source: ``go doc test2json``. Events of one test stand together, since tests run side by side here.
"""

import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.views import Summary
from maelstrom_core.program import Look
from maelstrom_go.output_plan import Said, events, plain

_ENDS = ("pass", "fail", "skip")
_WORDS = {CaseStatus.PASSED: "pass", CaseStatus.FLAKY: "pass", CaseStatus.SKIPPED: "skip"}
_FAILED = re.compile(r"FAIL\t(\S+) \[.*\]$")


class GoEvents(Look):
    """Prints events, one a line.

    :param file: where to; standard output by default
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = sys.stdout if file is None else file
        self._packages: dict[str, str] = {}
        self._seconds: dict[str, float] = {}
        self._names: dict[str, tuple[str, str]] = {}

    def _print(self, event: dict[str, Any]) -> None:
        print(json.dumps(event, ensure_ascii=False), file=self._file, flush=True)

    def _say(self, package: str, said: Said) -> None:
        self._print(plain(said, package=package, time=_now()))

    def _start(self, package: str) -> None:
        if package not in self._packages:
            self._packages[package] = "pass"
            self._print({"Time": _now(), "Action": "start", "Package": package})

    def begin(self, program: str, slots: int) -> None:
        """Nothing: readers expect events alone."""

    def busy_with(self, what: str, *, ended: bool = False) -> None:
        """Nothing: there is no event for it."""

    def say(self, text: str) -> None:
        """On standard error, where `go test` has its own words."""
        print(text, file=sys.stderr, flush=True)

    def fault(self, text: str) -> None:
        """A package that could not be built."""
        *lines, last = text.splitlines()
        match = _FAILED.match(last)
        if match is None:
            self.say(text)
            return
        package = match[1]
        for line in lines:
            self._print({"ImportPath": package, "Action": "build-output", "Output": line + "\n"})
        self._print({"ImportPath": package, "Action": "build-fail"})
        self._start(package)
        self._say(package, Said(action="output", output=last + "\n"))
        self._packages[package] = "built not"
        event = plain(Said(action="fail", seconds=0.0), package=package, time=_now())
        self._print({**event, "FailedBuild": package})

    @hookimpl
    def maelstrom_case_found(self, case: Case) -> None:
        """Its package has begun."""
        self._names[case.id] = case.package, case.name
        self._start(case.package)

    @hookimpl
    def maelstrom_case_reported(self, report: CaseReport) -> None:
        """All that the test has said, and how it has ended."""
        package, name = self._names[report.original]
        text = report.result.stdout.text() if report.result is not None else ""
        ended = False
        for said in events(text):
            if said.test:
                # What the binary says of itself is said of the package, below.
                ended = ended or (said.test == name and said.action in _ENDS)
                self._say(package, said)
        if not ended:
            if report.message:
                self._say(package, Said(action="output", test=name, output=report.message + "\n"))
            action = _WORDS.get(report.status, "fail")
            self._say(package, Said(action=action, test=name, seconds=report.duration))
        self._seconds[package] = self._seconds.get(package, 0.0) + report.duration
        if report.status.is_failure:
            self._packages[package] = "fail"

    def over(
        self, summary: Summary, *, ignored: Sequence[Case], unwanted: int, faults: int
    ) -> None:
        """How each package has ended."""
        del summary, ignored, unwanted, faults
        for package, ending in self._packages.items():
            if ending == "built not":
                continue
            seconds = round(self._seconds.get(package, 0.0), 3)
            word = "ok  " if ending == "pass" else "FAIL"
            line = f"{word}\t{package}\t{seconds:.3f}s\n"
            self._say(package, Said(action="output", output=line))
            self._say(package, Said(action=ending, seconds=seconds))


def _now() -> str:
    return datetime.now(UTC).isoformat()
