"""Streams of jobs: what is shown of them, in which order, and what the program exits with."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


def sh(script: str, **more: object) -> dict[str, object]:
    return {"program": "sh", "arguments": ["-c", script], **more}


@pytest.fixture
def mixed(run: Callable):
    """One run of jobs that end in every way, shown whole."""
    given = [
        sh("echo out; echo err >&2"),
        sh("echo three; exit 3", label="third"),
        {"program": "nowhere"},
        {"programm": "x", "timeout": "soon"},
        sh("kill -9 $$"),
        {"program": "sleep", "arguments": ["60"], "timeout": 0.2},
        {"containers": {"loop": {"parent": "default", "user": 77}}},
        {"parent": "loop", "program": "id", "arguments": ["-u"]},
    ]
    return run(given=given)


def test_jobs_of_every_ending_are_told_and_the_others_go_on(mixed) -> None:
    assert sorted(mixed.out.splitlines()) == ["77", "out", "three"]
    assert mixed.code == 4
    lines = mixed.err.splitlines()
    for line in (
        "err",
        "maelstrom-run: job 2 (third): exited with status 3",
        "maelstrom-run: job 4: killed by signal 9",
        "maelstrom-run: job 5: timed out after 0.2 s, ended on SIGTERM",
        "maelstrom-run: object 4, line 4 of standard input, cannot be used:",
        "  programm: unknown; did you mean program?",
        "  timeout: expected a number of seconds such as 30 or 2m, not 'soon'",
        "maelstrom-run: 4 of 6 jobs failed",
    ):
        assert line in lines
    assert any(line.startswith("maelstrom-run: job 3: could not start") for line in lines)


def test_output_of_one_job_is_never_within_another_s(run: Callable) -> None:
    script = "for i in 1 2 3 4 5; do echo $N; echo $N >&2; sleep 0.01; done"
    given = [sh(script, added_environment={"N": str(number)}) for number in range(8)]

    ran = run("--slots=4", given=given)

    assert ran.code == 0
    for text in (ran.out, ran.err):
        groups = re.findall(r"(\d\n)\1{4}", text)
        assert sorted(group.strip() for group in groups) == [str(number) for number in range(8)]


def test_of_those_that_wait_the_most_urgent_is_next_then_the_longest(run: Callable) -> None:
    given = [
        # Whether the others are known yet when it is started or not.
        sh("echo first; sleep 0.5", priority=9),
        sh("echo short", expected_duration=1),
        sh("echo long", expected_duration="1m"),
        sh("echo unknown"),
        sh("echo urgent", priority=1, expected_duration=1),
        sh("echo last", priority=-1),
    ]

    ran = run("--slots=1", given=given)

    assert ran.out.split() == ["first", "urgent", "unknown", "long", "short", "last"]


def test_some_job_failed_and_nothing_else_is_1(run: Callable) -> None:
    ran = run(given=[{"program": "false"}, {"program": "true"}])

    assert (ran.code, ran.out) == (1, "")


def test_what_asks_for_a_label_is_run_where_that_is_had(run: Callable) -> None:
    jobs = [
        {"containers": {"fast": {"parent": "default", "labels": ["gpu"]}}},
        {"program": "echo", "arguments": ["here"]},
        {
            "parent": "fast",
            "program": "echo",
            "arguments": ["there"],
            "added_labels": ["region=eu"],
        },
    ]
    ran = run(given=jobs)
    assert (ran.code, ran.out) == (1, "here\n")
    assert (
        "labels: gpu, region=eu cannot be had on this machine, which has none; the setting labels"
        in ran.err
    )

    ran = run(given=jobs, MAELSTROM_RUN_LABELS="region=eu")
    assert "labels: gpu cannot be had on this machine, which has region=eu;" in ran.err

    ran = run(given=jobs, MAELSTROM_LABELS="region=eu, gpu")
    assert (ran.code, sorted(ran.out.split())) == (0, ["here", "there"])

    ran = run("--explain", given=jobs)
    assert ran.out.count("\nlabels ") == 1
    assert "\nlabels      gpu, region=eu\n" in ran.out


def test_what_cannot_be_read_ends_reading_but_not_what_runs(run: Callable) -> None:
    ran = run(
        given='{"program": "echo", "arguments": ["before"]}\n{"program": ]}\n{"program": "x"}'
    )

    assert (ran.code, ran.out) == (4, "before\n")
    assert ran.err == (
        "maelstrom-run: line 2: no JSON: Expecting value; nothing after it was read\n"
    )


def test_a_job_is_run_before_the_next_one_is_written(
    program: Callable[..., "subprocess.Popen[bytes]"],
) -> None:
    with program(stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        for word in (b"one", b"two"):
            running.stdin.write(b'{"program": "echo", "arguments": ["%s"]}' % word)
            running.stdin.flush()
            assert running.stdout.readline() == word + b"\n"
        running.stdin.close()
        assert running.wait(timeout=30) == 0


def test_no_more_is_read_than_may_wait(
    program: Callable[..., "subprocess.Popen[bytes]"],
) -> None:
    wide = b'{"program": "sleep", "arguments": ["60"], "label": "%s"}\n' % (b"x" * 10_000)
    with program(
        "--slots=1", "--read-ahead=5", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as running:
        os.set_blocking(running.stdin.fileno(), False)
        written = 0
        # Until nothing has been taken for a while: pipes hold 64 KiB, and the reader as much.
        for _ in range(15):
            try:
                while True:
                    written += os.write(running.stdin.fileno(), wide)
            except BlockingIOError:
                pass
            try:
                running.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                continue
        running.terminate()
        assert running.wait(timeout=30) == -15

    assert 5 * len(wide) < written < 400_000


def test_a_toml_file_may_hold_jobs_and_containers(run: Callable, tmp_path: Path) -> None:
    (tmp_path / "jobs.toml").write_text(
        """
        [containers.here]
        parent = "default"
        added_layers = [{ paths = ["jobs.toml"], prepend_prefix = "/here" }]
        [[jobs]]
        parent = "here"
        program = "head"
        arguments = ["-c1", "/here/jobs.toml"]
        [[jobs]]
        program = "cat"
        stdin = { file = "jobs.toml" }
        """
    )
    text = (tmp_path / "jobs.toml").read_text()

    from_file, from_stdin = run("-f", "jobs.toml"), run(given=text)

    # Either may be the first to end.
    assert from_file.code == from_stdin.code == 0
    assert {from_file.out, from_stdin.out} <= {"\n" + text, text + "\n"}


def test_containers_may_stand_in_files_of_their_own(run: Callable, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"containers": {"c": {"parent": "default", "group": 9}}}')
    given = [{"parent": "c", "program": "id", "arguments": ["-g"]}]

    assert run("--containers=c.json", given=given).out == "9\n"


def test_lines_are_shown_live_with_labels_or_numbers_in_front(
    program: Callable[..., "subprocess.Popen[bytes]"],
) -> None:
    given = b"""
        {"program": "sh", "arguments": ["-c", "echo one; sleep 60"], "label": "a"}
        {"program": "sh", "arguments": ["-c", "printf 'x\\ny'; sleep 60"]}
    """
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with program("--live", "--slots=2", **pipes) as running:
        running.stdin.write(given)
        running.stdin.flush()
        lines = {running.stdout.readline() for _ in range(2)}
        running.terminate()
        assert running.wait(timeout=30) == -15

    assert lines == {b"a| one\n", b"2| x\n"}


def test_everything_is_said_as_events_on_request(run: Callable) -> None:
    given = [sh("echo out; exit 3", label="a"), {"program": 3}]

    events = run("--json", given=given).events
    live = run("--json", "--live", given=given[:1]).events

    assert [one["event"] for one in events if one["event"] != "fault"] == ["given", "ended", "over"]
    assert events[0]["command"] == ["sh", "-c", "echo out; exit 3"]
    ended = next(one for one in events if one["event"] == "ended")
    assert (ended["label"], ended["stdout"], ended["stderr"]) == ("a", "out\n", "")
    assert ended["outcome"] == {"kind": "exited", "code": 3, "words": "exited with status 3"}
    assert ended["usage"]["wall_seconds"] > 0
    (fault,) = (one for one in events if one["event"] == "fault")
    assert "program: expected a text, not 3" in fault["words"]
    assert events[-1] == {"event": "over", "jobs": 1, "failed": 1, "faults": 1}
    assert [one["event"] for one in live] == ["given", "output", "ended", "over"]
    assert live[1] == {"event": "output", "job": 1, "stdout": "out\n"}
    assert "stdout" not in live[2]


def test_long_output_is_kept_in_part_and_that_is_said(run: Callable) -> None:
    ran = run("--inline-limit=100", given=[{"program": "seq", "arguments": ["1000"]}])

    assert ran.out.startswith("1\n2\n")
    assert ran.out.endswith("999\n1000\n")
    assert "[… 3793 bytes omitted …]" in ran.out
    assert "job 1: 3793 bytes in the middle of its standard output were left out" in ran.err


def test_files_come_back(run: Callable, tmp_path: Path) -> None:
    script = (
        "mkdir d; echo 1 > d/a.txt; echo 2 > b.log; ln -s /etc/passwd l; mkfifo f; touch /var/v"
    )
    outputs = ["d", "*.log", "/var/*", "missing"]
    given = [
        sh(script, outputs=outputs, label="a job"),
        sh("head -c 200000 /dev/zero > z; echo $$ > y", outputs="?", outputs_size="100kB"),
        sh("echo q > q; exit 3", outputs="q"),
    ]

    ran = run("--output-directory=left", given=given)

    left = {str(path.relative_to(tmp_path / "left")) for path in tmp_path.rglob("left/**/*.*")}
    assert left == {"1-a_job/d/a.txt", "1-a_job/b.log"}
    assert (tmp_path / "left/1-a_job/d/a.txt").read_text() == "1\n"
    assert (tmp_path / "left/1-a_job/var/v").exists()
    assert not (tmp_path / "left/2/z").exists()
    assert (tmp_path / "left/2/y").exists()
    assert (tmp_path / "left/3/q").read_text() == "q\n"
    assert "job 1 (a job): outputs: missing: there is no such file" in ran.err
    assert "job 2: outputs: /tmp/z: more than may be brought back" in ran.err
    assert ran.code == 1
