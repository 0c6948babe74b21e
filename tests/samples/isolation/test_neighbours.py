"""Cases that would get into each other's way on one machine."""

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOKEN = os.environ["ISOLATION_TOKEN"]
SAME_PORT = 18231
SYSV_KEY = 0x4D41454C
IPC_CREAT = 0o1000
IPC_EXCL = 0o2000
MS_REMOUNT, MS_BIND = 32, 4096


@pytest.mark.parametrize("turn", range(4))
def test_the_same_port_is_free_for_every_case(turn):
    with socket.create_server(("127.0.0.1", SAME_PORT)) as server:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", SAME_PORT)) as client:
            accepted, _ = server.accept()
            with accepted:
                client.sendall(b"hello")
                assert accepted.recv(5) == b"hello"
        # Held while the cases in other slots bind it too; the outer test sees whether they did.
        time.sleep(0.7)
        print(f"held from {began} to {time.monotonic()}")


def test_a_daemonised_grandchild_may_be_left_behind():
    program = "import os, sys, time\nos.setsid()\nif os.fork(): os._exit(0)\ntime.sleep(600)\n"
    subprocess.run([sys.executable, "-c", program, f"grandchild-{TOKEN}"], check=True)


@pytest.mark.parametrize("turn", ["one", "another"])
def test_the_host_name_is_not_for_others_to_set(turn):
    assert TOKEN not in socket.gethostname()
    try:
        socket.sethostname(f"{turn}-{TOKEN}")
    except PermissionError:
        return  # refused is as good as private


def test_a_signal_to_everybody_reaches_nobody_else():
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    os.kill(-1, signal.SIGKILL)
    assert sleeper.wait(10) == -signal.SIGKILL


def test_no_other_process_can_be_found():
    pids = {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()}
    assert pids <= {1, os.getpid(), os.getppid()}
    with pytest.raises(ProcessLookupError):
        os.kill(int(os.environ["ISOLATION_CONTROLLER"]), 0)


@pytest.mark.parametrize("turn", ["one", "another"])
def test_system_v_shared_memory_is_private(turn):
    libc = ctypes.CDLL(None, use_errno=True)
    identifier = libc.shmget(SYSV_KEY, 4096, IPC_CREAT | IPC_EXCL | 0o600)
    assert identifier >= 0, os.strerror(ctypes.get_errno())


def test_a_read_only_tree_cannot_be_made_writable():
    tree = Path(sys.prefix)
    libc = ctypes.CDLL(None, use_errno=True)
    code = libc.mount(b"none", os.fsencode(tree), None, MS_REMOUNT | MS_BIND, None)
    assert code == -1
    assert ctypes.get_errno() == errno.EPERM
    with pytest.raises(OSError) as refused:
        (tree / f"left-behind-{TOKEN}").write_text("")
    assert refused.value.errno in (errno.EROFS, errno.EACCES)


def test_there_are_no_capabilities_to_be_had():
    status = Path("/proc/self/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(fields["CapEff"], 16) == 0
    assert int(fields["CapPrm"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
