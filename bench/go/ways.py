"""Ways of running the tests of a module of Go, and a module whose tests do nothing."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from whole_runs import OURS, SLOTS, SPECIFICATION, Way, last_number, original, unprivileged

EACH = """\
go test -c -o {kept}/ "$0" "$@" >/dev/null || exit 1
go list -f '{{{{.ImportPath}}}} {{{{.Dir}}}}' "$0" "$@" | while read -r path directory; do
    cd "$directory" || exit 1
    program={kept}/${{path##*/}}.test
    [ -x "$program" ] || continue
    "$program" -test.list . | grep -v '^Benchmark' |
        xargs -P{slots} -I@ "$program" '-test.run=^@$' >/dev/null 2>&1
done
"""
"""Builds all, and runs each test by a process of its own, without containers."""
ENDS = (0, 1)
"""As root some tests of testify fail, here as there."""


def ways_of(module: Path, packages: Sequence[str], work: Path) -> dict[str, Way]:
    """All that there are.

    :param packages: patterns
    :param work: where stores are kept
    """
    variables = {
        "GOFLAGS": "",
        "MAELSTROM_STORE": str(work / "store"),
        "MAELSTROM_STATE": str(work / "state"),
    }
    ours = [sys.executable, "-m", "maelstrom_go.start", "--ui", "quiet", "--slots", str(SLOTS)]
    kept = work / "binaries" / module.name
    kept.mkdir(parents=True, exist_ok=True)
    ways = {
        "go test": Way(
            command=[*unprivileged(), "go", "test", "-count=1", *packages],
            directory=module,
            variables=variables,
            statuses=ENDS,
        ),
        "a process for each test": Way(
            command=[*unprivileged(), "sh", "-c", EACH.format(kept=kept, slots=SLOTS), *packages],
            directory=module,
            variables=variables,
            statuses=range(256),
        ),
        OURS: Way(
            command=[*ours, *packages],
            directory=module,
            variables=variables,
            statuses=ENDS,
            passed=lambda text: last_number(r"^(?:.*, )?(\d+) passed", text),
        ),
    }
    program = original("maelstrom-go-test")
    if program is not None:
        ways["the original"] = Way(
            command=[program, "--ui=simple", f"--slots={SLOTS}", *_chosen(packages)],
            directory=_copy(module),
            variables={**variables, "XDG_CACHE_HOME": str(work / "cache"), "GOCACHE": _go_cache()},
            # It fails if a test does.
            statuses=range(256),
            passed=lambda text: last_number(r"Successful Tests:?\s+(\d+)", text),
        )
    return ways


def _chosen(packages: Sequence[str]) -> list[str]:
    """Filters that choose packages; ``./...`` is all of them."""
    directories = [one.removeprefix("./") for one in packages if one != "./..."]
    return [f"--include=package_import_path.ends_with(/{one})" for one in directories]


def _copy(module: Path) -> Path:
    """A copy for the original: ours would read its file of directives, too."""
    copy = module.with_name(f"{module.name}-original")
    if not copy.exists():
        shutil.copytree(module, copy)
        (copy / "maelstrom-go-test.toml").write_text(SPECIFICATION)
    return copy


def _go_cache() -> str:
    said = subprocess.run(["go", "env", "GOCACHE"], capture_output=True, text=True, check=True)
    return said.stdout.strip()


def write_trivial(directory: Path, tests: int) -> Path:
    """A module of tests that do nothing, in one package."""
    directory.mkdir(exist_ok=True)
    (directory / "go.mod").write_text("module example.com/trivial\n\ngo 1.20\n")
    functions = "\n".join(f"func Test{number}(t *testing.T) {{}}" for number in range(tests))
    (directory / "trivial_test.go").write_text(
        f'package trivial\n\nimport "testing"\n\n{functions}\n'
    )
    return directory
