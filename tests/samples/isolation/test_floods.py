"""Cases that use up what there is, beside one that needs a little of it."""

import errno
import os
import time
from pathlib import Path

import pytest


def test_a_full_disk_is_full_for_one_case_only():
    chunk = b"x" * (1 << 20)
    with pytest.raises(OSError) as full, Path("/tmp/flood").open("wb", buffering=0) as flood:
        while True:
            flood.write(chunk)
    assert full.value.errno == errno.ENOSPC
    time.sleep(0.5)


@pytest.mark.parametrize("turn", range(3))
def test_a_little_disk_is_left_for_the_others(turn):
    Path("/tmp/little").write_bytes(b"x" * (1 << 20))


def test_a_fork_bomb_uses_up_its_own_pids_only():
    children = []
    ends = os.pipe()
    with pytest.raises(BlockingIOError):
        while len(children) < 20_000:
            pid = os.fork()
            if pid == 0:
                os.close(ends[1])
                os.read(ends[0], 1)  # ends when the parent does
                os._exit(0)
            children.append(pid)
    os.close(ends[1])
    for child in children:
        os.waitpid(child, 0)


@pytest.mark.parametrize("turn", range(3))
def test_a_few_pids_are_left_for_the_others(turn):
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
