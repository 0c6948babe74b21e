"""Small jobs: a shell with its libraries, and no more, so that it travels in a moment."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

CONTAINER = {
    "layers": [
        {"paths": ["/bin/sh", "/bin/sleep"], "follow_symlinks": True},
        {"shared_library_dependencies": ["/bin/sh", "/bin/sleep"]},
        {"stubs": ["/{proc,sys,dev,tmp}/"]},
    ],
    "environment": {"PATH": "/bin"},
}


def job(script: str, **more: Any) -> str:
    """A job as it is written for ``maelstrom-run``."""
    return json.dumps(CONTAINER | {"program": "/bin/sh", "arguments": ["-c", script]} | more)


def ended(text: str) -> dict[int, list[dict[str, Any]]]:
    """Of each job all its endings, as ``maelstrom-run --json`` tells them."""
    found: dict[int, list[dict[str, Any]]] = {}
    for line in text.splitlines():
        event = json.loads(line)
        if event["event"] == "ended":
            found.setdefault(event["job"], []).append(event)
    return found


def sleeping(seconds: str) -> int:
    """How many processes of jobs sleep so long."""
    found = 0
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):
            command = Path(f"/proc/{name}/cmdline").read_bytes()
            found += command == b"sleep\0" + seconds.encode() + b"\0"
    return found


ON_CLUSTER = ("--broker", "auto", "--cluster-only", "true", "--json")
EVERYWHERE = ("--broker", "auto", "--json")
