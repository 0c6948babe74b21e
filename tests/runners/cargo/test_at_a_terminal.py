"""``cargo-maelstrom`` at a terminal: what Cargo says, above what changes."""

import os
import pty
import re
import subprocess
import sys
from typing import Any


def test_what_cargo_says_stands_above_what_changes(shop: Any) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "maelstrom_cargo.cli", "--lib", "tests::price"],
        cwd=shop.directory,
        env={**os.environ, **shop.private, "TERM": "xterm", "COLUMNS": "100"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    try:
        while data := os.read(master, 65536):
            shown += data
    except OSError:
        # The other end was closed (EIO).
        pass
    os.close(master)

    assert process.wait(60) == 0
    lines = re.split(r"[\r\n]+", re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", shown.decode()))
    # In Cargo's own colours, on lines of their own.
    assert b"\x1b[1;92m    Finished" in shown
    assert [line for line in lines if "Finished" in line and not line.startswith("    Fin")] == []
    assert any(line.startswith("building ") for line in lines)
    assert any(re.match(r"passed +\d", line) for line in lines)
