"""Slot processes that are started together."""

import os
import time
from pathlib import Path

import pytest

from maelstrom_core.container import slot_process
from maelstrom_core.container.packets import receive
from maelstrom_core.container.slot_process import MOST, end_spares, start_early, take


@pytest.fixture(autouse=True)
def nothing_is_left():
    assert not slot_process._spares, "others have started some"
    yield
    end_spares()


def pid_of(process: slot_process.SlotProcess) -> int:
    return process.process._siblings.wait()[process.process._index]


def test_each_is_as_if_it_had_been_started_alone():
    start_early(3)
    processes = [take(MOST, "auto") for _ in range(3)]

    said = [receive(process.control) for process in processes]
    assert [messages[0][0] for messages in said] == ["ready"] * 3

    pids = [pid_of(process) for process in processes]
    assert [os.getsid(pid) for pid in pids] == pids, "each leads a session"
    for pid in pids:
        status = Path(f"/proc/{pid}/status").read_text()
        assert f"PPid:\t{os.getpid()}\n" in status
    namespaces = {os.readlink(f"/proc/{pid}/ns/user") for pid in pids}
    assert len(namespaces) == 3

    first, *others = processes
    first.end()
    assert first.process.returncode == -9
    assert [other.process.poll() for other in others] == [None, None]
    for other in others:
        other.end()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_one_that_has_died_is_not_given_out():
    start_early(2)
    first, second = (process for _, _, process in slot_process._spares)
    for process in (first, second):
        receive(process.control)
    first.process.kill()
    first.process.wait()

    assert take(MOST, "auto") is second
    third = take(MOST, "auto")
    assert third is not first
    assert receive(third.control)[0][0] == "ready"
    second.end()
    third.end()


def test_what_cannot_be_started_has_ended(tmp_path, monkeypatch):
    program = tmp_path / "no_slot.py"
    program.write_text("import os, sys\nos.write(int(sys.argv[2]), b'')\n")
    monkeypatch.setattr(slot_process, "_PROGRAM", str(program))
    start_early(2)
    first, second = (process for _, _, process in slot_process._spares)

    assert receive(first.control) is None
    first.end()
    assert first.process.returncode == 1
    assert second.process.poll() == 1
    second.end()


def test_nobody_waits_for_one_that_is_still_being_loaded(tmp_path, monkeypatch):
    go = tmp_path / "go"
    os.mkfifo(go)
    program = tmp_path / "slow_slot.py"
    program.write_text(f"open({str(go)!r}).read()\n")
    monkeypatch.setattr(slot_process, "_PROGRAM", str(program))
    start_early(2)

    first, _ = (process for _, _, process in slot_process._spares)
    assert first.process.poll() is None
    go.write_text("")
    while first.process.poll() is None:
        time.sleep(0.01)
    assert first.process.poll() == 1
