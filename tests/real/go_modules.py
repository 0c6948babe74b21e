"""Compares ``maelstrom-go-test`` with ``go test`` on real modules, test by test.

    python tests/real/go_modules.py                  all of them
    python tests/real/go_modules.py cobra uuid       some

Modules come from the module proxy, at fixed versions. Top-level tests, examples, seeds of fuzz tests
and subtests must end alike; whoever differs is named, and the exit status is 1. A test that needs what
another one has left in their process ends otherwise by itself: that it does so with ``go test``, too, is
looked at, and told.
"""

import argparse
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODULES = {
    "cobra": "github.com/spf13/cobra@v1.8.1",
    "mux": "github.com/gorilla/mux@v1.8.1",
    "go-cmp": "github.com/google/go-cmp@v0.6.0",
    "testify": "github.com/stretchr/testify@v1.9.0",
    "uuid": "github.com/google/uuid@v1.6.0",
    "toml": "github.com/BurntSushi/toml@v1.4.0",
    "xxhash": "github.com/cespare/xxhash/v2@v2.3.0",
    "color": "github.com/fatih/color@v1.17.0",
}
"""By the names under which they are known here. All of them pass `go vet` of today's Go."""
OURS = {"passed": "pass", "skipped": "skip", "flaky": "pass"}
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}|time\.Date\([^)]*\)")
"""What names of subtests hold that is otherwise in each process."""
Endings = dict[tuple[str, str], str]
"""``pass``, ``skip`` or ``fail`` by package and test."""


def fetch(module: str, directory: Path) -> Path:
    """A copy of a module that may be written to."""
    said = subprocess.run(
        ["go", "mod", "download", "-json", module], capture_output=True, text=True, check=True
    )
    copy = directory / module.replace("/", "_")
    shutil.copytree(json.loads(said.stdout)["Dir"], copy)
    for path in [copy, *copy.rglob("*")]:
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    return copy


def by_go(module: Path, *which: str) -> tuple[Endings, float]:
    """What ``go test`` comes to, and how long it takes.

    :param which: options and packages; all by default
    """
    command = ["go", "test", "-count=1", "-json", *(which or ["./..."])]
    if os.geteuid() == 0 and shutil.which("setpriv"):
        # Tests that look for a refused write find it in containers, where root has no privileges.
        command = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", *command]
    begun = time.monotonic()
    said = subprocess.run(command, cwd=module, capture_output=True, text=True)
    took = time.monotonic() - begun
    found: Endings = {}
    for line in said.stdout.splitlines():
        event = json.loads(line)
        if event["Action"] in ("pass", "fail", "skip") and "Test" in event:
            found[event["Package"], _ADDRESS.sub("…", event["Test"])] = event["Action"]
    return found, took


def by_ours(module: Path, program: list[str]) -> tuple[Endings, float]:
    """What ours comes to, and how long it takes."""
    begun = time.monotonic()
    said = subprocess.run(
        [*program, "--ui", "json", "--retries", "1"], cwd=module, capture_output=True, text=True
    )
    took = time.monotonic() - begun
    found: Endings = {}
    for line in said.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "case reported":
            package, _, name = event["id"].rpartition(" ")
            if event["status"] == "flaky":
                print(f"  {event['id']} failed, and passed when it was run again")
            found[package, name] = OURS.get(event["status"], "fail")
            for part in event["parts"]:
                found[package, _ADDRESS.sub("…", part["name"])] = part["status"]
        elif event["event"] == "fault":
            print(f"  {event['text']}")
    if said.returncode not in (0, 1):
        print(said.stderr)
    return found, took


def alone(module: Path, tests: list[tuple[str, str]]) -> Endings:
    """What ``go test`` comes to of tests of which each is run by itself."""
    found: Endings = {}
    for package, name in dict.fromkeys(
        (package, name.partition("/")[0]) for package, name in tests
    ):
        found |= by_go(module, "-run", f"^{re.escape(name)}$", package)[0]
    return found


def compare(name: str, directory: Path, program: list[str]) -> int:
    """Compare one module; how many tests end otherwise."""
    module = fetch(MODULES[name], directory)
    theirs, go_seconds = by_go(module)
    ours, our_seconds = by_ours(module, program)
    unlike = sorted(test for test in {*theirs, *ours} if theirs.get(test) != ours.get(test))
    single = alone(module, unlike)
    differ = [test for test in unlike if test not in single or single[test] != ours.get(test)]
    need_others = len(unlike) - len(differ)
    print(
        f"{name:8} {len(theirs):5} tests, {len(differ)} end otherwise; "
        f"go test {go_seconds:.1f} s, ours {our_seconds:.1f} s"
        + (f"; {need_others} need others, and fail alone with go test, too" if need_others else "")
    )
    for test in differ:
        print(
            f"  {' '.join(test)}: {theirs.get(test, 'not run')}, ours {ours.get(test, 'not run')}"
        )
    return len(differ) + (not theirs)


def main() -> int:
    """Compare those that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="NAME", help=", ".join(MODULES))
    chosen = parser.parse_args()
    unknown = set(chosen.modules) - set(MODULES)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if shutil.which("go") is None:
        parser.error("there is no go in the PATH")
    os.environ.pop("GOFLAGS", None)
    program = [sys.executable, "-m", "maelstrom_go.start"]
    with tempfile.TemporaryDirectory(prefix="maelstrom-go-") as directory:
        names = chosen.modules or list(MODULES)
        return 1 if sum(compare(name, Path(directory), program) for name in names) else 0


if __name__ == "__main__":
    sys.exit(main())
