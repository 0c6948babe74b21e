"""Layers that programs make, and what jobs change in their roots."""

import json
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from maelstrom_core.api import (
    Exited,
    InputFailed,
    JobSpec,
    Runner,
    UsageError,
    system_container,
)
from maelstrom_core.model.container import Root
from maelstrom_core.model.layers import StoredLayer

BUILD = """
mkdir -p /made/deep; cat /src/source > /made/deep/copy; ln -s deep/copy /made/link
date +%s%N > /made/once; rm /etc/hosts; chmod 600 /made/once; echo $SOURCE_DATE_EPOCH > /made/epoch
"""


@pytest.fixture
def runner(store: Path, tmp_path: Path) -> Iterator[Runner]:
    with Runner(store=store, project_directory=tmp_path, slots=2) as runner:
        yield runner


def job(script: str, command: list[str], **more: Any) -> dict[str, Any]:
    """A job on a container whose uppermost layer a program makes."""
    below = {"paths": ["source"], "prepend_prefix": "/src"}
    return {
        "program": "sh",
        "arguments": ["-c", script],
        "added_layers": [below, {"command": command, **more}],
    }


def test_a_program_makes_a_layer_once_for_equal_inputs(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "source").write_text("first\n")
    look = (
        "cat /made/link /made/once; stat -c %a /made/once; ls /etc/hosts 2>&1 | wc -l;"
        "[ $(stat -c %Y /made/once) = $(cat /made/epoch) ] && echo as told; echo x >> /made/once"
    )
    wanted = job(look, ["sh", "-c", BUILD])

    first, again = runner.run(wanted), runner.run(wanted)
    with Runner(store=runner._open.keywords["store"], project_directory=tmp_path, slots=1) as other:
        elsewhere = other.run(wanted)
    (tmp_path / "source").write_text("second\n")
    with Runner(store=runner._open.keywords["store"], project_directory=tmp_path, slots=1) as other:
        changed = other.run(wanted)

    assert first.outcome == Exited(0), first.stderr.text()
    lines = first.stdout.text().splitlines()
    assert lines[0] == "first"
    # "ls: cannot access": the file that was removed is not there.
    assert lines[2:] == ["600", "1", "as told"]
    assert again.stdout == elsewhere.stdout == first.stdout
    assert changed.stdout.text().splitlines()[0] == "second"
    assert changed.stdout.text().splitlines()[1] != lines[1]


def test_those_that_want_it_at_once_wait_for_one(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "source").write_text(str(tmp_path))
    command = ["sh", "-c", "sleep 0.5; date +%s%N > /made"]
    given = [job("cat /made", command), job("cat /made; true", command)]
    ran = []

    def one() -> None:
        ran.append(run(given=given))

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [one.code for one in ran] == [0, 0]
    assert len({line for one in ran for line in one.out.splitlines()}) == 1


@pytest.mark.parametrize(
    ("command", "more", "told"),
    [
        (["sh", "-c", "echo to see; echo why >&2; exit 3"], {}, "exited with status 3; the end of"),
        (["nowhere"], {}, "no such program in the container"),
        (["sleep", "60"], {"timeout": 0.2}, "timed out after 0.2 s"),
        (["sh", "-c", "head -c 9000000 /dev/zero > /f"], {"root_size": "1MiB"}, "exited with"),
        (["sh", "-c", "kill -9 $$"], {}, "killed by signal 9"),
    ],
    ids=["status", "missing", "late", "large", "killed"],
)
def test_why_there_is_no_layer(
    runner: Runner, tmp_path: Path, command: list[str], more: dict[str, Any], told: str
) -> None:
    (tmp_path / "source").write_text("")

    result = runner.run(job("true", command, **more))

    assert isinstance(result.outcome, InputFailed)
    what, fault = result.outcome.faults
    assert what == "a layer cannot be made"
    assert fault.startswith("layers[")
    assert told in fault
    assert ("why" in fault) == (command[-1].startswith("echo to see"))


def test_a_layer_may_be_made_from_another(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "source").write_text("")
    inner = {"command": ["sh", "-c", "echo deep > /inner"], "parent": "default"}
    outer = {
        "command": ["sh", "-c", "tr a-z A-Z < /inner > /outer; hostname >> /outer"],
        "parent": "default",
        "added_layers": [inner],
        "hostname": "builder",
    }

    result = runner.run({"program": "cat", "arguments": ["/outer"], "added_layers": [outer]})

    assert result.stdout.text() == "DEEP\nbuilder\n", result


def test_what_a_job_changes_comes_back_and_can_be_built_upon(runner: Runner) -> None:
    container = attrs.evolve(system_container(), root=Root(writable=True, captured=True))
    script = "echo new > /new; ln /new /same; rm /etc/hosts; mkfifo /tmp/pipe; chmod 0 /new"
    made = runner.run(JobSpec(container=container, program="sh", arguments=("-c", script)))
    assert made.outcome == Exited(0)
    assert made.changes is not None
    on_top = attrs.evolve(
        container, layers=(*container.layers, StoredLayer(digest=made.changes.layer))
    )
    look = "stat -c %a /new; [ /new -ef /same ] && echo one file;"
    look += "test -p /tmp/pipe && ls /etc/hosts || echo gone"

    seen = runner.run(JobSpec(container=on_top, program="sh", arguments=("-c", look)))
    untouched = runner.run({"program": "ls", "arguments": ["/etc/hosts"]})

    assert seen.stdout.text() == "0\none file\ngone\n"
    assert made.changes.size_bytes == 4
    assert seen.changes is not None
    assert untouched.outcome == Exited(0)
    assert untouched.changes is None


MESS = (
    "mkdir -p /made/sub; echo new > /made/sub/file; ln /made/sub/file /made/same; rm /etc/hosts; "
    "ln -s /etc/passwd /made/link; mkfifo /made/pipe; : > /made/.wh.hosts; chmod u+s /made/same; "
    "rm -rf /etc/ssl; mkdir /etc/ssl; cd /made; : > \"$(printf 'a\\nb\\377')\""
)


def test_what_jobs_change_is_written_down_beside_their_files(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    given = [
        {"program": "sh", "arguments": ["-c", MESS], "label": "a mess", "outputs": "/made/sub/*"},
        {"program": "true", "enable_writable_file_system": False},
    ]

    as_tar = run("--changes=tar", "--json", given=given)
    left = tmp_path / "maelstrom-output"
    assert {path.name for path in left.iterdir()} == {"1-a_mess", "1-a_mess.changes.tar"}
    with tarfile.open(left / "1-a_mess.changes.tar", errors="surrogateescape") as tar:
        members = {member.name: member for member in tar.getmembers()}
    assert {name for name in members if name.startswith("made/")} == {
        "made/sub",
        "made/sub/file",
        "made/same",
        "made/link",
        "made/pipe",
        "made/a\nb\udcff",
    }
    assert members["made/link"].linkname == "/etc/passwd"
    # One of the two is the file, and the other one a link to it.
    links = [one for one in (members["made/sub/file"], members["made/same"]) if one.islnk()]
    assert len(links) == 1
    assert {"etc/.wh.hosts", "etc/ssl/.wh..wh..opq"} <= set(members)
    (ended,) = (one for one in as_tar.events if one["event"] == "ended" and one["job"] == 1)
    assert ended["changes"]["path"] == "maelstrom-output/1-a_mess.changes.tar"
    # A name that would hide another one in an archive: told, and a failure.
    assert ended["outputs_missing"] == [
        "changes: left out: /made/.wh.hosts: in a layer's archive its name would hide another one"
    ]
    assert as_tar.code == 1

    for _ in range(2):  # that of a run before is replaced
        in_directory = run("--changes=directory", given=given[:1])
        made = left / "1-a_mess.changes"
        assert (made / "root/made/sub/file").read_text() == "new\n"
        assert (made / "root/made/.wh.hosts").exists()
        assert not (made / "root/etc/hosts").exists()
        assert (made / "root/made/same").stat().st_mode & 0o7777 == 0o644
        assert json.loads((made / "changes.json").read_text()) == {
            "removed": ["/etc/hosts"],
            "emptied": ["/etc/ssl"],
            "left_out": {"/made/pipe": "a named pipe"},
        }
        assert "changes: left out: /made/pipe: a named pipe" in in_directory.err


def test_one_job_s_changes_come_back_too_and_what_is_too_large_is_told(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    ran = run("--changes=tar", "--one", "--", "sh", "-c", "echo x > /x; exit 3", given="{}")
    assert ran.code == 3
    with tarfile.open(tmp_path / "maelstrom-output/1.changes.tar") as tar:
        assert tar.extractfile("x").read() == b"x\n"

    given = [{"program": "truncate", "arguments": ["-s1G", "/x"], "root_size": "1MiB"}]
    ran = run("--changes=tar", given=given)
    assert ran.code == 1
    assert "changes: /x: with it there are more than 1048576 bytes (root_size)" in ran.err


def test_python_writes_changes_down(runner: Runner, tmp_path: Path) -> None:
    script = "echo x > /x; rm /etc/hosts"
    job = {"program": "sh", "arguments": ["-c", script], "capture_changes": True}
    result = runner.run(job)

    assert runner.write_changes(result, tmp_path / "it.tar") == ()
    assert runner.write_changes(result, str(tmp_path / "it")) == ()
    with tarfile.open(tmp_path / "it.tar") as tar:
        assert set(tar.getnames()) >= {"x", "etc/.wh.hosts"}
    assert (tmp_path / "it/root/x").read_text() == "x\n"
    on_top = {"program": "sh", "arguments": ["-c", "cat /x; ls /etc/hosts"]}
    seen = runner.run({**on_top, "added_layers": [{"tar": "it.tar"}]})
    assert (seen.stdout.text(), seen.outcome) == ("x\n", Exited(2))
    with pytest.raises(UsageError, match="it cannot be written: "):
        runner.write_changes(result, tmp_path / "it")
    with pytest.raises(UsageError, match=r"its root is not captured \(capture_changes\)"):
        runner.write_changes(runner.run({"program": "true"}), tmp_path / "other")


def test_thousands_of_captured_roots_keep_few_files_open(runner: Runner) -> None:
    before = len(os.listdir("/proc/self/fd"))
    jobs = [{"program": "true", "capture_changes": True}] * 50
    kept = [ended.result.changes for ended in runner.run_all(jobs)]

    assert None not in kept
    assert len(os.listdir("/proc/self/fd")) <= before + 10


def test_documents_ask_for_changes(run: Callable[..., Any]) -> None:
    touch = {"program": "touch", "arguments": ["/a"], "capture_changes": True}
    ran = run("--json", given=[touch])

    (ended,) = (one for one in ran.events if one["event"] == "ended")
    assert ended["changes"]["entries"] == 1
    assert len(ended["changes"]["layer"]) == 64


def test_where_there_is_one_group_id_alone_jobs_in_others_are_told_what_to_do(
    surroundings: dict[str, str], tmp_path: Path
) -> None:
    alone = ["unshare", "--map-root-user", sys.executable, "-m", "maelstrom_run.cli"]
    jobs = (
        '{"program": "true", "supplementary_groups": [5]} {"program": "echo", "arguments": ["y"]}'
    )
    ran = subprocess.run(
        alone,
        input=jobs,
        env=surroundings,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "unshare" in ran.stderr:
        pytest.skip(f"such a host cannot be imitated here: {ran.stderr.strip()}")

    assert (ran.returncode, ran.stdout) == (1, "y\n")
    assert "join supplementary groups" in ran.stderr
    assert "/etc/subgid" in ran.stderr
