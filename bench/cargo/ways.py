"""Ways of running the tests of a crate, and a crate whose tests do nothing."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from whole_runs import OURS, SLOTS, SPECIFICATION, Way, last_number, original, unprivileged

NO_DOCTESTS = ("--lib", "--tests")


def ways_of(directory: Path, options: Sequence[str], work: Path) -> dict[str, Way]:
    """All that there are.

    :param options: of ``cargo test``
    :param work: where stores are kept
    """
    variables = {
        "MAELSTROM_STORE": str(work / "store"),
        "MAELSTROM_STATE": str(work / "state"),
        # Else each process whose test panics, as some are to, reads the debugging information of all of
        # the binary: 85 ms of smallvec. `cargo test` reads it once, and the original hides it.
        "RUST_BACKTRACE": "0",
    }
    ours = [sys.executable, "-m", "maelstrom_cargo.start", "--ui", "quiet", "--slots", str(SLOTS)]
    ways = {
        "cargo test": Way(
            command=[*unprivileged(), "cargo", "test", *options],
            directory=directory,
            variables=variables,
        ),
        OURS: Way(
            command=[*ours, *options],
            directory=directory,
            variables=variables,
            passed=lambda text: last_number(r"^(?:.*, )?(\d+) passed", text),
        ),
    }
    if not set(NO_DOCTESTS) <= set(options):
        return ways
    if shutil.which("cargo-nextest"):
        ways["cargo nextest"] = Way(
            command=[*unprivileged(), "cargo", "nextest", "run", f"-j{SLOTS}", *options],
            directory=directory,
            variables=variables,
            passed=lambda text: last_number(r"(\d+) passed", text),
        )
    else:
        print("cargo nextest: not compared: there is no cargo-nextest in the PATH")
    program = original("cargo-maelstrom")
    if program is not None:
        features = [word for word in options if word not in (*NO_DOCTESTS, "--workspace")]
        ways["the original"] = Way(
            command=[program, "--ui=simple", f"--slots={SLOTS}", *features],
            directory=_copy(directory),
            variables={**variables, "XDG_CACHE_HOME": str(work / "cache")},
            # It fails if a test does.
            statuses=range(256),
            passed=lambda text: last_number(r"Successful Tests:?\s+(\d+)", text),
        )
    return ways


def _copy(directory: Path) -> Path:
    """A copy for the original, which wants another file of directives."""
    copy = directory.with_name(f"{directory.name}-original")
    if not copy.exists():
        shutil.copytree(directory, copy)
        (copy / "cargo-maelstrom.toml").write_text(SPECIFICATION)
    return copy


def write_trivial(directory: Path, tests: int) -> Path:
    """A crate of tests that do nothing."""
    (directory / "src").mkdir(parents=True, exist_ok=True)
    (directory / "Cargo.toml").write_text(
        '[package]\nname = "trivial"\nversion = "0.1.0"\nedition = "2021"\n\n[workspace]\n'
    )
    functions = "\n".join(f"#[test]\nfn test_{number}() {{}}" for number in range(tests))
    (directory / "src" / "lib.rs").write_text(f"{functions}\n")
    return directory
