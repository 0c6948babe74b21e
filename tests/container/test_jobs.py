"""What a job is given and what is told of it, on both interpreters of scripts."""

import errno
import os
import signal
import sys

import pytest

from maelstrom_core.container.messages import Ended, NotStarted, Output, Started
from maelstrom_core.model.container import Limits, Root, Tmp

SYSTEM = ("/usr", "/bin", "/lib", "/lib64")


def test_a_static_program_runs_in_an_empty_root(run):
    assert run("/true", trees=()).code == 0


@pytest.mark.parametrize("code", [0, 1, 42, 127, 255])
def test_the_exit_status_is_exact(shell, code):
    assert shell(f"exit {code}").code == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_the_signal_that_ended_it_is_exact(shell, number):
    assert shell(f"kill -{int(number)} $$; sleep 5").code == -number


def test_the_program_itself_can_be_pid_1(run):
    seen = run("/bin/sh", "-c", "echo $$; exit 3", init=False)
    assert (seen.out, seen.code) == ("1\n", 3)


def test_the_streams_are_kept_apart(shell):
    seen = shell("echo out; echo err >&2; echo report >&3", launch={"report": True})
    assert seen.streams == {1: b"out\n", 2: b"err\n", 3: b"report\n"}


def test_there_is_no_report_descriptor_unless_asked_for(shell):
    assert shell("ls /proc/self/fd").out.split() == ["0", "1", "2", "3"]  # 3: the directory itself
    assert shell("echo x >&3").code != 0


def test_no_descriptor_of_ours_is_left_in_it(shell):
    seen = shell("ls -l /proc/self/fd", launch={"report": True})
    assert len([line for line in seen.out.splitlines() if "->" in line]) == 5, seen.out


def test_output_comes_while_it_runs(shell):
    order = []

    def watch(slot, message):
        if isinstance(message, Output):
            order.append(message.data)
            slot.signal(1, signal.SIGKILL)

    seen = shell("echo first; sleep 60", on_message=watch)
    assert order == [b"first\n"]
    assert seen.code == -signal.SIGKILL


def test_a_job_that_is_quiet_is_told_of_as_started(shell):
    def watch(slot, message):
        if isinstance(message, Started):
            slot.signal(1, signal.SIGTERM)

    assert shell("exec sleep 60", on_message=watch).code == -signal.SIGTERM


def test_a_flood_of_output_is_bounded_and_counted(shell):
    seen = shell("yes 0123456 | head -c 50000000; echo end", launch={"output_bytes": 10_000})
    assert seen.last.written == (50_000_004, 0)
    assert len(seen.streams[1]) == 10_000
    assert seen.streams[1].startswith(b"0123456\n")
    assert seen.streams[1].endswith(b"end\n")


def test_it_reads_the_bytes_that_it_is_given(shell):
    assert shell("wc -c", launch={"stdin": b"x" * 300_000}).out.strip() == "300000"
    assert shell("wc -c").out.strip() == "0"


def test_the_environment_is_exactly_what_was_said(run):
    environment = (("A", "1"), ("PATH", "/usr/bin:/bin"), ("ÜML", "ä=b c"))
    seen = run("env", environment=environment)
    assert sorted(seen.out.splitlines()) == ["A=1", "PATH=/usr/bin:/bin", "ÜML=ä=b c"]


def test_arguments_arrive_whole(run):
    arguments = ["a b", "", "ü", "-n", "x" * 100_000]
    seen = run("printf", "%s|", *arguments)
    assert seen.out == "".join(f"{argument}|" for argument in arguments)


def test_user_directory_and_host_name_are_as_asked(shell):
    fields = {"user": 1234, "group": 77, "hostname": "somewhere", "working_directory": "/usr"}
    seen = shell("id -u; id -g; hostname || cat /proc/sys/kernel/hostname; pwd", **fields)
    assert seen.out.split() == ["1234", "77", "somewhere", "/usr"]


def test_a_program_is_found_wherever_it_is_in_the_path(run):
    seen = run("echo", "found", environment=(("PATH", "/nowhere:/dev/null:/usr/bin"),))
    assert seen.out == "found\n"


def test_a_missing_program_is_the_jobs_fault(run):
    seen = run("no-such-program")
    assert isinstance(seen.last, NotStarted)
    assert (seen.last.whose, seen.last.errno) == ("job", errno.ENOENT)
    assert "PATH" in seen.last.remedy


def test_a_program_that_may_not_be_executed_is_told_apart_from_a_missing_one(run, lower):
    (lower / "secret").write_text("x")
    seen = run("secret", environment=(("PATH", "/nowhere:/:/usr/bin"),))
    assert seen.last.errno == errno.EACCES


def test_a_missing_working_directory_is_the_jobs_fault(shell):
    seen = shell("true", working_directory="/not/there")
    assert isinstance(seen.last, NotStarted)
    assert (seen.last.whose, seen.last.call) == ("job", "chdir")


def test_a_vanished_layer_is_named(run, lower):
    seen = run("/true", lowers=[lower, lower / "gone"])
    assert isinstance(seen.last, NotStarted)
    assert "gone" in seen.last.cause


def test_a_missing_host_tree_is_named(run):
    seen = run("/true", trees=[("/not/there", "/mnt")])
    assert isinstance(seen.last, NotStarted)
    assert "/not/there" in seen.last.cause


def test_orphans_are_reaped_and_end_with_the_job(shell):
    seen = shell("(sleep 0.01 &); (sleep 600 &); sleep 0.1; ps -o stat= | grep -c Z; true")
    assert seen.code == 0
    assert seen.out.strip() == "0"


def test_a_job_may_trap_the_signal_that_it_is_sent(shell):
    def watch(slot, message):
        if isinstance(message, Output) and b"ready" in message.data:
            slot.signal(1, signal.SIGTERM)

    script = "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    seen = shell(script, on_message=watch)
    assert seen.code == 5
    assert "caught" in seen.out


def test_usage_is_that_of_the_job(run):
    program = "x = bytearray(64 << 20); sum(range(2_000_000))"
    trees = (
        [*dict.fromkeys([(sys.base_prefix, sys.base_prefix)])] if sys.base_prefix != "/usr" else []
    )

    python = os.path.realpath(sys.executable)
    seen = run(
        python,
        "-I",
        "-S",
        "-c",
        program,
        trees=[*((os.path.realpath(p), p) for p in SYSTEM if os.path.isdir(p)), *trees],
    )
    assert isinstance(seen.last, Ended), seen.last
    assert 64 << 20 < seen.last.peak_memory_bytes < 256 << 20
    assert seen.last.user_seconds + seen.last.system_seconds > 0.01
    assert seen.last.wall_seconds >= 0.01


def test_limits_hold(shell):
    limits = Limits(open_files=17, file_bytes=1000, core_bytes=0)
    assert shell("ulimit -n", limits=limits).out.strip() == "17"
    seen = shell("head -c 5000 /dev/zero > /tmp/x", limits=limits)
    assert seen.code != 0


def test_the_limit_of_pids_holds(shell):
    seen = shell("cat /proc/sys/kernel/pid_max", limits=Limits(pids=400))
    assert seen.out.strip() == "400" or seen.last.degraded


def test_the_size_of_a_writable_root_is_limited(shell):
    root = Root(writable=True, size_bytes=4 << 20)
    seen = shell("head -c 8000000 /dev/zero > /big || echo full; ls /true", root=root)
    assert "full" in seen.out
    assert "/true" in seen.out


def test_the_size_of_a_tmpfs_is_limited(shell):
    mounts = (Tmp(target="/tmp", size_bytes=1 << 20, mode=0o700),)
    seen = shell("head -c 2000000 /dev/zero > /tmp/big || stat -c %a /tmp", mounts=mounts)
    assert seen.out.strip() == "700"
