"""Has ``cargo test`` build everything, and finds out what it would run, and how."""

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import attrs
import trio

from maelstrom_cargo.messages_plan import Artifact, artifacts, macros
from maelstrom_cargo.records_plan import (
    FILE,
    RUN_SCRIPT,
    RUSTDOC,
    RUSTDOC_SCRIPT,
    Record,
    records,
    runner_variable,
)
from maelstrom_cargo.toolchain import Toolchain
from maelstrom_core.errors import HostError

_COLOUR = re.compile("\x1b\\[[0-9;]*m")
# What Cargo says of what it runs: nothing has been run.
_RUNS = re.compile(r" *(Running|Doc-tests) ")
_GRACE_SECONDS = 2.0


@attrs.frozen(kw_only=True)
class Built:
    """What came of a build.

    :param fault: why nothing can be run; empty if it is well
    :param artifacts: programs
    :param macros: names of shared libraries that no program needs
    :param records: what `cargo test` would run, in its order
    """

    fault: str = ""
    artifacts: tuple[Artifact, ...] = ()
    macros: frozenset[str] = frozenset()
    records: tuple[Record, ...] = ()


async def build(
    toolchain: Toolchain, arguments: tuple[str, ...], say: Callable[[str], None]
) -> Built:
    """Build; nothing of the user's is run but build scripts.

    :param arguments: of ``cargo test``, with what follows ``--``
    :param say: told each line that Cargo prints for people, as it comes
    :raises HostError: if it cannot be started, or scripts cannot be in the temporary directory
    """
    with tempfile.TemporaryDirectory(prefix="maelstrom-cargo-") as directory:
        if any(letter.isspace() for letter in directory):
            raise HostError(
                f"the temporary directory {directory} has a space in its name, at which Cargo splits",
                remedy="set TMPDIR to another one",
            )
        taken = Path(directory, "record")
        run = write_script(directory, "run", RUN_SCRIPT)
        environment = {
            **os.environ,
            FILE: os.fspath(taken),
            RUSTDOC: toolchain.rustdoc,
            "RUSTDOC": write_script(directory, "rustdoc", RUSTDOC_SCRIPT),
            **{runner_variable(triple): f"/bin/sh {run}" for triple in toolchain.triples},
        }
        command = [
            toolchain.cargo,
            "test",
            "--message-format=json-render-diagnostics",
            "--no-fail-fast",
            *toolchain.options,
            *arguments,
        ]
        code, out, err = await run_to_end(command, toolchain.directory, environment, say)
        if code:
            faults = [line for line in err if line.startswith("error")]
            fault = "\n".join(faults) or f"it exited with status {code}"
            return Built(fault=f"cargo test could not build what is to be tested:\n{fault}")
        data = taken.read_bytes() if taken.exists() else b""
    lines = out.splitlines()
    return Built(
        artifacts=tuple(artifacts(lines)), macros=macros(lines), records=tuple(records(data))
    )


def write_script(directory: str, name: str, text: str) -> str:
    """Write a program; its path."""
    path = Path(directory, name)
    path.write_text(text)
    path.chmod(0o700)
    return os.fspath(path)


async def run_to_end(
    command: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    say: Callable[[str], None],
) -> tuple[int, str, list[str]]:
    """Run a program that builds; if this is cancelled, all that it has started ends.

    :param say: told each line that it prints for people, as it comes
    :return: its status, its output, and lines of what it has said, without colours
    :raises HostError: if it cannot be started
    """
    out, err = bytearray(), list[str]()

    def hear(line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\n")
        plain = _COLOUR.sub("", text)
        if not _RUNS.match(plain):
            err.append(plain)
            say(text)

    async def read_lines(stream: trio.abc.ReceiveStream) -> None:
        rest = b""
        async for data in stream:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                hear(line)
        if rest:
            hear(rest)

    async with trio.open_nursery() as nursery:
        try:
            process: trio.Process = await nursery.start(
                partial(
                    trio.run_process,
                    command,
                    cwd=directory,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    check=False,
                    # Compilers end with it, whoever else hears Ctrl-C.
                    start_new_session=True,
                    deliver_cancel=_end,
                )
            )
        except OSError as error:
            raise HostError(f"{command[0]} cannot be started: {error.strerror}") from None
        assert process.stderr is not None
        assert process.stdout is not None
        nursery.start_soon(read_lines, process.stderr)
        async for data in process.stdout:
            out += data
    assert process.returncode is not None
    return process.returncode, out.decode("utf-8", "replace"), err


async def _end(process: trio.Process) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        await trio.sleep(_GRACE_SECONDS)
