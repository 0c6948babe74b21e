"""Limits by control groups on a kernel of our own, for the one of this host may not have any to give.

User-mode Linux is a kernel that is an ordinary program. It is booted on the files of this host,
read-only, with control groups of version 2 alone; what it says comes over its console.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import maelstrom_core

KERNEL = shutil.which("linux.uml")
FINIT_MODULE, POWER_OFF = 313, 0x4321FEDC
INIT = f"""\
#!{sys.executable} -B
import ctypes, os, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
for kind, path in (
    ("proc", "/proc"), ("sysfs", "/sys"), ("tmpfs", "/run"), ("devtmpfs", "/dev"),
    ("cgroup2", "/sys/fs/cgroup"),
):
    libc.mount(kind.encode(), path.encode(), kind.encode(), 0, b"")
module = os.open("MODULE", os.O_RDONLY)
libc.syscall({FINIT_MODULE}, module, b"", 0)
environment = {{"PYTHONPATH": "PYTHON_PATH", "TMPDIR": "/run", "PATH": "/usr/bin:/bin", "HOME": "/run"}}
# As in a container that somebody else has limited.
groups = "/sys/fs/cgroup"
os.mkdir(groups + "/box")
for file, text in (("cgroup.subtree_control", "+memory"), ("box/memory.max", "200M")):
    with open(f"{{groups}}/{{file}}", "w") as opened:
        opened.write(text)
def enter():
    with open(groups + "/box/cgroup.procs", "w") as opened:
        opened.write("0")
command = [sys.executable, "-B", "-c", SCENARIO]
subprocess.run(command, env=environment, timeout=100, preexec_fn=enter)
left = [name for name in os.listdir("/sys/fs/cgroup") if name.startswith("maelstrom")]
print("LEFT", left, flush=True)
libc.reboot({POWER_OFF})
"""
SCENARIO = """\
import json, os, tempfile
import trio
from maelstrom_core.container.control_groups import offered
from maelstrom_core.container.messages import Ended, Launch, NotStarted
from maelstrom_core.container.plan import prepare_message
from maelstrom_core.container.runtime import open_slots
from maelstrom_core.model.container import Container, Limits

JOBS = {
    "memory": ("exec tail /dev/zero", Limits(memory_bytes=64 << 20)),
    "part of it": ("tail /dev/zero; true", Limits(memory_bytes=64 << 20)),
    "pids": ("while sleep 1000 & do :; done", Limits(pids=20)),
    "host": ("exec tail /dev/zero", Limits(pids=None)),
    "cpu": ("true", Limits(cpu=0.5)),
    "nothing": ("true", Limits(pids=None)),
}
SYSTEM = [path for path in ("/usr", "/bin", "/lib", "/lib64") if os.path.isdir(path)]
trees = [(os.path.realpath(path), path) for path in SYSTEM]

async def main():
    print("SAID", json.dumps(["offered", offered().controllers]), flush=True)
    async with open_slots(1) as (slot,):
        for name, (script, limits) in JOBS.items():
            container = Container(limits=limits, environment=(("PATH", "/usr/bin:/bin"),))
            message = prepare_message(container, lowers=[tempfile.mkdtemp()], host_trees=trees)
            slot.prepare(message)
            slot.launch(Launch(1, message.key, "sh", ("-c", script), container.environment))
            while not isinstance(said := await slot.receive(), Ended | NotStarted):
                pass
            if isinstance(said, Ended):
                print("SAID", json.dumps([name, said.status, said.hits, said.degraded]), flush=True)
            else:
                print("SAID", json.dumps([name, repr(said)]), flush=True)

trio.run(main)
"""


@pytest.fixture
def init(tmp_path: Path) -> Path:
    """The first program of that kernel."""
    if KERNEL is None:
        pytest.skip("linux.uml is not here (Debian: user-mode-linux)")
    version = subprocess.run([KERNEL, "--version"], capture_output=True, text=True, timeout=20)
    modules = Path(KERNEL).parents[1] / "lib/uml/modules" / version.stdout.strip()
    overlay = modules / "kernel/fs/overlayfs/overlay.ko"
    if not overlay.exists():
        pytest.skip(f"linux.uml has no overlays: {overlay} is not here")
    path = tmp_path / "init"
    python_path = os.pathsep.join(
        [os.path.dirname(os.path.dirname(maelstrom_core.__file__)), *filter(None, sys.path)]
    )
    text = INIT.replace('"MODULE"', repr(str(overlay))).replace('"PYTHON_PATH"', repr(python_path))
    path.write_text(text.replace("SCENARIO", repr(textwrap.dedent(SCENARIO))))
    path.chmod(0o755)
    return path


def test_groups_keep_limits_and_tell_of_them(init: Path) -> None:
    assert KERNEL is not None
    command = [KERNEL, "mem=512M", "rootfstype=hostfs", "ro", f"init={init}", "quiet"]
    booted = subprocess.run(
        [*command, "con0=fd:0,fd:1", "con=null"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=150,
        start_new_session=True,
    )
    lines = booted.stdout.decode(errors="replace").splitlines()
    if any("ptrace set fp regs failed" in line for line in lines):
        pytest.skip("linux.uml knows less of the registers than this processor has, and panics")
    said: dict[str, Any] = {}
    for line in lines:
        if line.startswith("SAID "):
            name, *rest = json.loads(line.removeprefix("SAID "))
            said[name] = rest
    assert said.get("offered") == [["memory", "pids", "cpu"]], lines[-12:]

    status, hits, degraded = said["memory"]
    assert (status, degraded) == (signal.SIGKILL, [])
    assert hits == [["memory", 64 << 20, "control group", "", True, True]]

    # A child of it was killed, and it has ended as it likes.
    status, hits, degraded = said["part of it"]
    assert (status, hits) == (0, [["memory", 64 << 20, "control group", "", False, True]])

    status, hits, degraded = said["pids"]
    assert status != 0 and hits == [["pids", 20, "control group", "", False, True]]
    # Without a limit of its own it has that of all of us; the kernel kills what is largest.
    status, hits, degraded = said["host"]
    assert (status, hits) == (9, [["memory", 0, "memory of this host", "", False, False]])

    assert said["cpu"] == said["nothing"] == [0, [], []]
    assert "LEFT []" in lines, lines[-12:]
