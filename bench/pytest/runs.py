"""One run of a suite under one of the ways, and what is seen of it from outside."""

import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIMIT = 4 * 60 * 60
"""Seconds after which a run is taken to hang: the largest suite takes long under the slowest way."""
COUNTED = re.compile(r"(\d+) (passed|failed|skipped|xfailed|xpassed|errors?)\b")
FORKED = "pytest --forked"
WAYS = {
    "pytest -n 2": ("-p", "no:maelstrom", "-n", "2"),
    "pytest": ("-p", "no:maelstrom"),
    FORKED: ("-p", "no:maelstrom", "-p", "forked_reports", "--forked"),
    "pytest -p maelstrom": ("-p", "maelstrom", "--maelstrom-slots=2"),
}
"""Two at a time where a way can; the first is what the others are compared with."""
SLOTS = {"pytest": 1, FORKED: 1}
"""How many cases run at once, where not two do."""
OURS = "pytest -p maelstrom"
FRESH = "pytest -p maelstrom --maelstrom-isolation=fresh"
FRESH_ARGUMENTS = (*WAYS[OURS], "--maelstrom-isolation=fresh")


@dataclass(frozen=True)
class Finished:
    """How a run went.

    :param seconds: from starting its process to the end of it
    :param counts: passed, failed, … → how many cases
    :param peak: most memory that the process itself had resident, in bytes; its children do not
        count
    :param output: all that it printed
    """

    seconds: float
    counts: dict[str, int]
    peak: int
    output: str


@dataclass
class Project:
    """A suite's sources, the interpreter to run it with, and what its runs have shown so far.

    :param python: interpreter of an environment with pytest and all plugins
    :param source: directory that runs are started in
    :param variables: of the environment, for every way the same
    :param finished: way → its latest run
    """

    python: Path
    source: Path
    variables: dict[str, str]
    finished: dict[str, Finished] = field(default_factory=dict)

    def way(self, name: str, arguments: Sequence[str], part: Sequence[str]) -> Callable[[], float]:
        """Seconds of a whole run."""
        command = [self.python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]

        # It needs a plugin that stands beside this file; the other ways must not see it.
        more = {"PYTHONPATH": str(HERE)} if name == FORKED else {}
        variables = {**self.variables, **more}

        def measure() -> float:
            finished = run([*command, *arguments, *part], self.source, variables)
            self.finished[name] = finished
            return finished.seconds

        return measure

    def first_result(self, arguments: Sequence[str]) -> Callable[[], float]:
        """Seconds from starting pytest until it has reported a case."""
        program = [self.python, HERE / "first_result.py"]

        def measure() -> float:
            with tempfile.TemporaryDirectory(prefix="maelstrom-bench-") as scratch:
                out = Path(scratch) / "reported"
                began = time.monotonic()
                run([*program, out, "-q", *arguments], self.source, self.variables)
                return float(out.read_text()) - began

        return measure


def run(
    command: Sequence[str | Path],
    source: Path,
    variables: dict[str, str],
    *,
    statuses: Container[int] = (0, 1),
) -> Finished:
    """Run a command to its end; a suite may have failing cases, but it must have been run.

    :param statuses: with which it may end
    :raises RuntimeError: it ended otherwise, with its last lines
    """
    environment = {**os.environ, "COLUMNS": "80", **variables}
    # Runs that compile all that they import would be compared by how much that is.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile("w+") as out:
        began = time.monotonic()
        process = subprocess.Popen(
            command, cwd=source, env=environment, stdout=out, stderr=subprocess.STDOUT
        )
        peaks = [0]
        watch = threading.Thread(target=watch_memory, args=(process.pid, peaks), daemon=True)
        watch.start()
        timer = threading.Timer(LIMIT, process.kill)
        timer.start()
        status = process.wait()
        seconds = time.monotonic() - began
        timer.cancel()
        watch.join()
        out.seek(0)
        output = out.read()
    if status not in statuses:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {status}:\n{output[-2000:]}")
    return Finished(seconds, counts(output), peaks[-1], output)


def watch_memory(pid: int, peaks: list[int]) -> None:
    """Read a process's peak of resident memory as long as it has one.

    What `wait4` tells would be the largest of the process and all that it has waited for itself.
    """
    while True:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return
        if (found := re.search(r"VmHWM:\s+(\d+) kB", status)) is None:
            return  # a zombie has no memory
        peaks.append(int(found[1]) * 1024)
        time.sleep(0.05)


def counts(output: str) -> dict[str, int]:
    """What the last line of pytest's terminal summary says."""
    last = output.rstrip().rpartition("\n")[2]
    return {category: int(number) for number, category in COUNTED.findall(last)}
