"""Cases that use up what there is, beside one that needs a little of it."""

import errno
import os
import threading
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


def test_all_pids_that_there_are_are_its_own_only():
    # Threads take pids as processes do, and are made in a tenth of the time.
    threading.stack_size(64 << 10)
    enough, threads = threading.Event(), []
    with pytest.raises(RuntimeError, match="can't start new thread"):
        while len(threads) < 20_000:
            threads.append(threading.Thread(target=enough.wait))
            threads[-1].start()
    with pytest.raises(BlockingIOError):
        os.fork()
    time.sleep(0.5)
    enough.set()
    for thread in threads[:-1]:
        thread.join()


@pytest.mark.parametrize("turn", range(3))
def test_a_few_pids_are_left_for_the_others(turn):
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
