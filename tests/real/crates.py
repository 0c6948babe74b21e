"""Compares ``cargo-maelstrom`` with ``cargo test`` on real crates, test by test.

    python tests/real/crates.py                  all of them
    python tests/real/crates.py semver hex       some

Crates come from crates.io, at fixed versions. Unit tests, integration tests and doctests must end alike;
whoever differs is named, and the exit status is 1.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attrs


@attrs.frozen
class Project:
    """What is compared.

    :param crates: names and versions; of several, a workspace is made
    :param options: of both programs
    """

    crates: dict[str, str]
    options: tuple[str, ...] = ()


PROJECTS = {
    "itoa": Project({"itoa": "1.0.15"}),
    "semver": Project({"semver": "1.0.26"}, ("--all-features",)),
    "smallvec": Project({"smallvec": "1.15.0"}, ("--features", "union,write")),
    "either": Project({"either": "1.15.0"}, ("--no-default-features",)),
    "hex": Project({"hex": "0.4.3"}, ("--features", "serde")),
    "fnv": Project({"fnv": "1.0.7"}, ("--release",)),
    "humantime": Project({"humantime": "2.2.0"}),
    "indexmap": Project({"indexmap": "2.9.0"}, ("--all-features",)),
    "workspace": Project(
        {"scopeguard": "1.2.0", "strsim": "0.11.1", "percent-encoding": "2.3.1"}, ("--workspace",)
    ),
}
"""By the names under which they are known here."""
OURS = {"passed": "ok", "skipped": "ignored", "flaky": "ok"}
_RUNS = re.compile(r" *Running (?:unittests )?\S+ \(\S+/(\S+)-[0-9a-f]{16}\)$")
_DOCTESTS = re.compile(r" *Doc-tests (\S+)$")
_TEST = re.compile(r"test (.+?)(?: - should panic| - compile fail| - compile)? \.\.\. (\w+)")
Endings = dict[tuple[str, str], str]
"""``ok``, ``ignored`` or ``FAILED`` by program and test."""


def fetch(project: Project, directory: Path) -> Path:
    """Copies of a project's crates, in a workspace if there are several."""
    into = directory / "fetched"
    (into / "src").mkdir(parents=True)
    (into / "src" / "lib.rs").touch()
    wanted = "".join(f'{name} = "={version}"\n' for name, version in project.crates.items())
    package = '[package]\nname = "fetched"\nversion = "0.0.0"\nedition = "2021"\n'
    (into / "Cargo.toml").write_text(f"{package}[dependencies]\n{wanted}")
    subprocess.run(["cargo", "vendor", "-q"], cwd=into, check=True, capture_output=True)
    workspace = directory / "workspace"
    workspace.mkdir()
    for name in project.crates:
        shutil.copytree(into / "vendor" / name, workspace / name)
        (workspace / name / ".cargo-checksum.json").unlink()
    shutil.rmtree(into)
    if len(project.crates) == 1:
        return workspace / next(iter(project.crates))
    members = ", ".join(f'"{name}"' for name in project.crates)
    (workspace / "Cargo.toml").write_text(f'[workspace]\nmembers = [{members}]\nresolver = "2"\n')
    return workspace


def by_cargo(project: Project, directory: Path) -> tuple[Endings, float]:
    """What ``cargo test`` comes to, and how long it takes when all is built."""
    command = ["cargo", "test", "--no-fail-fast", *project.options]
    if os.geteuid() == 0 and shutil.which("setpriv"):
        # Tests that look for a refused write find it in containers, where root has no privileges.
        command = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", *command]
    subprocess.run([*command, "--", "--list"], cwd=directory, capture_output=True)
    begun = time.monotonic()
    said = subprocess.run(
        command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    took = time.monotonic() - begun
    found: Endings = {}
    program = ""
    for line in said.stdout.splitlines():
        if match := _RUNS.match(line):
            program = match[1]
        elif match := _DOCTESTS.match(line):
            program = f"{match[1]}::doc"
        elif match := _TEST.match(line):
            found[program, match[1]] = match[2]
    if not found:
        print(said.stdout)
    return found, took


def by_ours(project: Project, directory: Path, program: list[str]) -> tuple[Endings, float]:
    """What ours comes to, and how long it takes when all is built."""
    command = [*program, "--ui", "json", "--retries", "1", *project.options]
    begun = time.monotonic()
    said = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    took = time.monotonic() - begun
    found: Endings = {}
    for line in said.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "case reported":
            binary, _, name = event["id"].partition(" ")
            package, _, rest = binary.partition("::")
            crate = package.replace("-", "_")
            is_own = rest not in ("", "doc")
            key = rest.rpartition("/")[2].replace("-", "_") if is_own else crate
            if event["status"] == "flaky":
                print(f"  {event['id']} failed, and passed when it was run again")
            found[f"{key}::doc" if rest == "doc" else key, name] = OURS.get(
                event["status"], "FAILED"
            )
        elif event["event"] == "fault":
            print(f"  {event['text']}")
    if said.returncode not in (0, 1):
        print(said.stderr)
    return found, took


def compare(name: str, program: list[str]) -> int:
    """Compare one project; how many tests end otherwise."""
    project = PROJECTS[name]
    with tempfile.TemporaryDirectory(prefix="maelstrom-crates-") as temporary:
        directory = fetch(project, Path(temporary))
        theirs, cargo_seconds = by_cargo(project, directory)
        ours, our_seconds = by_ours(project, directory, program)
    differ = sorted(test for test in {*theirs, *ours} if theirs.get(test) != ours.get(test))
    doctests = sum(program.endswith("::doc") for program, _ in theirs)
    print(
        f"{name:10} {len(theirs):4} tests, {doctests} of them doctests, {len(differ)} end otherwise; "
        f"cargo test {cargo_seconds:.1f} s, ours {our_seconds:.1f} s"
    )
    for test in differ:
        print(
            f"  {' '.join(test)}: {theirs.get(test, 'not run')}, ours {ours.get(test, 'not run')}"
        )
    return len(differ) + (not theirs)


def main() -> int:
    """Compare those that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("projects", nargs="*", metavar="NAME", help=", ".join(PROJECTS))
    chosen = parser.parse_args()
    unknown = set(chosen.projects) - set(PROJECTS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if shutil.which("cargo") is None:
        parser.error("there is no cargo in the PATH")
    program = [sys.executable, "-m", "maelstrom_cargo.start"]
    return 1 if sum(compare(name, program) for name in chosen.projects or PROJECTS) else 0


if __name__ == "__main__":
    sys.exit(main())
