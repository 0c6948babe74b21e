"""What one command line wants of Go's tests."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs

from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.layers import PathsLayer, Prefix, StubsLayer, braced
from maelstrom_core.program.libraries import has_system, library_layers
from maelstrom_core.testrun.directives_plan import CasePlan
from maelstrom_go.begun import Begun
from maelstrom_go.coverage_plan import PROFILE, Merged
from maelstrom_go.output_plan import kind_of
from maelstrom_go.packages_plan import Package

INSIDE = "/.maelstrom/go"
"""Where containers have test binaries."""


@attrs.define(kw_only=True)
class GoRun:
    """One invocation.

    :param begun: Go, and what it does already
    :param run: which tests, as ``go test -run`` has it: parts between slashes choose subtests
    :param bench: which benchmarks, as ``go test -bench`` has it; empty for none
    :param arguments: of every test binary
    :param shows: whether what passing tests print is wanted
    :param has_coverage: whether binaries count what they run
    :param profile: file for the coverage of all tests
    :param coverage: of the tests that have ended
    :param needed: by import path of a package, directories of what it is made of
    """

    begun: Begun
    run: str = ""
    skip: str = ""
    bench: str = ""
    arguments: tuple[str, ...] = ()
    shows: bool = False
    has_coverage: bool = False
    profile: Path | None = None
    coverage: Merged = attrs.field(factory=Merged)
    needed: dict[str, frozenset[str]] = attrs.field(factory=dict)
    _containers: dict[tuple[int, str], tuple[CasePlan, ContainerSpec]] = attrs.field(factory=dict)

    def program(self, binary: Path) -> str:
        """A test binary's path in containers."""
        return f"{INSIDE}/{binary.parent.name}/{binary.name}"

    def container_of(self, plan: CasePlan, package: Package, binary: Path) -> ContainerSpec:
        """A container with the binary of a package, in the package's directory; one for each."""
        key = (id(plan), package.path)
        if key not in self._containers:
            container = plan.container
            prefix = Prefix(strip=str(binary.parent.parent), prepend=INSIDE)
            layer = PathsLayer(paths=(str(binary),), prefix=prefix)
            # Binaries that use cgo have some; in a container with nothing in it, so has its directory.
            libraries = () if has_system(container) else library_layers(plan, str(binary))
            place = StubsLayer(stubs=(f"{braced(package.directory)}/",))
            own = attrs.evolve(
                container,
                layers=(*container.layers, place, layer, *libraries),
                working_directory=package.directory,
            )
            # The plan is kept: its id must not be another's.
            self._containers[key] = (plan, own)
        return self._containers[key][1]

    def finish(self, say: Callable[[str], None]) -> None:
        """Say how much was covered, and write the profile."""
        say(f"coverage: {self.coverage.share():.1%} of statements")
        if self.profile is None:
            return
        try:
            self.profile.write_text("".join(f"{line}\n" for line in self.coverage.lines()))
        except OSError as error:
            say(f"the coverage profile {self.profile} cannot be written: {error.strerror}")

    def is_touched(self, package: str, changed: Iterable[str]) -> bool:
        """Whether a file has changed that a package is made of, or a file below its directory.

        :param changed: absolute paths
        """
        needed = self.needed.get(package, frozenset())
        return any(path.startswith(f"{directory}/") for path in changed for directory in needed)

    def wants(self, name: str) -> bool:
        """Whether a top-level test is to be run."""
        if kind_of(name) == "benchmark":
            return bool(self.bench) and _fits(self.bench, name)
        if self.skip and "/" not in self.skip and _fits(self.skip, name):
            return False
        return not self.run or _fits(self.run, name)

    def arguments_of(self, name: str) -> tuple[str, ...]:
        """Arguments with which a binary runs one test."""
        given = ["-test.v=test2json", "-test.paniconexit0", "-test.timeout=0"]
        if kind_of(name) == "benchmark":
            given += ["-test.run=^$", f"-test.bench={_below(name, self.bench)}"]
        else:
            given.append(f"-test.run={_below(name, self.run)}")
            if "/" in self.skip:
                given.append(f"-test.skip={self.skip}")
        if self.has_coverage:
            given.append(f"-test.coverprofile={PROFILE}")
        return (*given, *self.arguments)


def _fits(pattern: str, name: str) -> bool:
    """Whether the first part of any alternative of a pattern is found in a name.

    Go's regular expressions are RE2's; what people write here is the same in Python.
    """
    return any(re.search(_split(one, "/")[0], name) for one in _split(pattern, "|"))


def _below(name: str, pattern: str) -> str:
    """One test, and of its subtests those that a pattern chooses."""
    only = f"^{re.escape(name)}$"
    if not pattern:
        return only
    alternatives = [_split(one, "/") for one in _split(pattern, "|")]
    fitting = [rest for first, *rest in alternatives if re.search(first, name)]
    # One that chooses all of them makes the others superfluous.
    if not all(fitting):
        return only
    return "|".join("/".join([only, *rest]) for rest in fitting)


def _split(pattern: str, separator: str) -> list[str]:
    """A pattern at a letter, but for those in brackets (``testing`` does the same)."""
    parts, depth, round_depth, start, at = [], 0, 0, 0, 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "\\":
            at += 1
        elif letter == "[":
            depth += 1
        elif letter == "]":
            depth = max(0, depth - 1)
        elif letter == "(" and not depth:
            round_depth += 1
        elif letter == ")" and not depth:
            round_depth -= 1
        elif letter == separator and not depth and not round_depth:
            parts.append(pattern[start:at])
            start = at + 1
        at += 1
    return [*parts, pattern[start:]]
