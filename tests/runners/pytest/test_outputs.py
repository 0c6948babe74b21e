"""Files that a test leaves in $MAELSTROM_OUTPUT come back, and nothing else does."""

import os
import re
import stat
import xml.etree.ElementTree as ElementTree
from pathlib import Path

LEAVES = """
import os, pathlib, subprocess, sys
import pytest

@pytest.fixture
def output():
    return pathlib.Path(os.environ["MAELSTROM_OUTPUT"])

def test_leaves_files(output):
    assert list(output.iterdir()) == []
    (output / "log.txt").write_text("all of it")
    (output / "deep" / "er").mkdir(parents=True)
    (output / "deep" / "er" / "data.bin").write_bytes(bytes(range(256)) * 4096)
    (output / "tool").write_text("#!/bin/sh")
    (output / "tool").chmod(0o4755)
    (output / "empty").touch()
    (output / "unreadable").write_text("no")
    (output / "unreadable").chmod(0o000)

def test_fails(output):
    (output / "why.txt").write_text("because")
    assert False

def test_leaves_nothing(output): pass

@pytest.fixture(scope="session")
def late():
    yield
    (pathlib.Path(os.environ["MAELSTROM_OUTPUT"]) / "late.txt").write_text("at the end")
def test_fixture_leaves_files(late): pass

@pytest.mark.parametrize("name", ["../../etc", "x" * 300])
def test_odd(output, name): (output / "here").write_text(name)

def test_loses_its_way(output):
    os.chdir("/")
    os.environ["MAELSTROM_OUTPUT"] = "/etc"
    (output / "here").touch()
"""
HOSTILE = """
import os, pathlib, json, base64

def send(**message):
    message = json.dumps({"kind": "output", "mode": 0o777, "size": 4, **message})
    for name in os.listdir("/proc/self/fd"):
        try:
            if "pipe" in os.readlink(f"/proc/self/fd/{name}") and int(name) > 2:
                os.write(int(name), message.encode() + b"\\n")
        except OSError:
            pass

def test_links():
    output = pathlib.Path(os.environ["MAELSTROM_OUTPUT"])
    (output / "passwd").symlink_to("/etc/passwd")
    (output / "etc").symlink_to("/etc")
    os.mkfifo(output / "fifo")
    (output / "new\\nline").touch()
    (output / "good").write_text("good")
    os.link(output / "good", output / "twice")

def test_the_directory_is_a_link():
    output = os.environ["MAELSTROM_OUTPUT"]
    os.rmdir(output)
    os.symlink("/etc", output)

def test_lies():
    data = base64.b64encode(b"evil").decode()
    for path in ["/tmp/evil", "../evil", "a/../../evil", "", ".", "a//b", "a\\0b", 5, None, ["a"]]:
        send(path=path, data=data)
    send(path="x" * 256, data=data)
    send(path="/".join("a" * 40), data=data)
    send(path="short", data=data, size=2)
    send(path="long", data=data, size=1 << 40)
    send(path="negative", data=data, size=-1)
    send(path="no-base64", data="%%%%")
    send(path="no-text", data=7)
    send(path="no-mode", data=data, mode="x")
    send(path="unfinished", data=data, size=8)
    send(path="file", data=data)
    send(path="file", data=data)
    send(path="file/below", data=data)
    send(path="fine", data=data)
"""


def only(directory: Path, pattern: str) -> Path:
    (found,) = directory.glob(pattern)
    return found


def files_below(directory: Path) -> set[str]:
    return {
        os.path.relpath(os.path.join(parent, name), directory)
        for parent, directories, files in os.walk(directory)
        for name in files
    }


def test_files_come_back(project, run, tmp_path):
    directory = project({"pytest.ini": "[pytest]\n", "test_leaves.py": LEAVES})
    kept, xml = tmp_path / "kept", tmp_path / "report.xml"
    ran = run(directory, f"--maelstrom-output={kept}", f"--junitxml={xml}", ours=True)

    assert "1 failed, 6 passed" in ran.out, ran.out
    one_run = only(kept, "*")
    assert f"maelstrom: files of 6 tests in {one_run}\n" in ran.out
    place = only(one_run, "test_leaves.py-test_leaves_files-*")
    assert (place / "log.txt").read_text() == "all of it"
    assert (place / "deep/er/data.bin").read_bytes() == bytes(range(256)) * 4096
    assert stat.S_IMODE((place / "tool").stat().st_mode) == 0o755
    assert (place / "empty").read_bytes() == b""
    assert not (place / "unreadable").exists()
    assert (only(one_run, "*fixture*") / "late.txt").read_text() == "at the end"
    assert files_below(only(one_run, "*loses*")) == {"here"}
    odd = {(one / "here").read_text() for one in one_run.glob("*odd*")}
    assert odd == {"../../etc", "x" * 300}
    assert not list(one_run.glob("*nothing*"))
    # Shown where the failure is, and in JUnit's report.
    failed = only(one_run, "*fails*")
    assert f"{failed}\n  why.txt (7 bytes)\n" in ran.out
    properties = {
        one.get("value")
        for case in ElementTree.parse(xml).iter("testcase")
        for one in case.iter("property")
        if one.get("name") == "maelstrom_output"
    }
    assert properties == {str(one) for one in one_run.iterdir()}


def test_nothing_hostile_comes_through(project, run, tmp_path):
    directory = project({"pytest.ini": "[pytest]\n", "test_hostile.py": HOSTILE})
    kept = tmp_path / "kept"
    ran = run(directory, f"--maelstrom-output={kept}", "-rP", ours=True)

    assert "3 passed" in ran.out, ran.out
    one_run = only(kept, "*")
    assert files_below(only(one_run, "*links*")) == {"good", "twice"}
    for refused in (
        "passwd: refused: no regular file",
        "etc: refused: no regular file",
        "fifo: refused: no regular file",
        "new\\nline: refused: its name holds control characters",
    ):
        assert refused in ran.out, refused
    assert not list(one_run.glob("*directory*"))
    assert ".: refused: no regular file" in ran.out
    lies = only(one_run, "*lies*")
    assert {name for name in files_below(lies) if (lies / name).read_bytes() == b"evil"} == {
        "file",
        "fine",
        "unfinished",
    }
    # What was begun and refused is empty, and said to be refused.
    assert files_below(lies) <= {"file", "fine", "unfinished", "short"}
    for refused in ("/tmp/evil", "../evil", "a/../../evil", "long", "negative", "file/below"):
        assert f"  {refused}: refused: " in ran.out, refused
    assert "unfinished: refused: 4 bytes of it are missing" in ran.out
    assert not list(tmp_path.rglob("evil"))
    assert not Path("/tmp/evil").exists()
    assert not any(path.is_symlink() for path in kept.rglob("*"))


def test_no_more_comes_back_than_is_allowed(project, run, tmp_path):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_large.py": """
                import os, pathlib
                def test_large():
                    output = pathlib.Path(os.environ["MAELSTROM_OUTPUT"])
                    (output / "a").write_bytes(b"a" * 600_000)
                    (output / "b").write_bytes(b"b" * 600_000)
                    (output / "c").write_bytes(b"c" * 300_000)
                    assert False
            """,
        }
    )
    kept = tmp_path / "kept"
    arguments = (f"--maelstrom-output={kept}", "--maelstrom-output-size=1MB")
    ran = run(directory, *arguments, ours=True)
    assert files_below(only(kept, "*/*")) == {"a", "c"}
    assert "b: refused: too large: 600000 bytes" in ran.out
    too_much = run(directory, "--maelstrom-output-size=1GB", ours=True)
    assert too_much.code == 4
    assert "at most 32MiB" in too_much.out


def test_all_of_what_is_allowed_comes_back(project, run, tmp_path):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_large.py": """
                import os, pathlib
                def test_large():
                    output = pathlib.Path(os.environ["MAELSTROM_OUTPUT"])
                    (output / "all").write_bytes(bytes(32 << 20))
            """,
        }
    )
    kept = tmp_path / "kept"
    arguments = (f"--maelstrom-output={kept}", "--maelstrom-output-size=32MiB")
    ran = run(directory, *arguments, ours=True)
    assert ran.code == 0, ran.out
    assert (only(kept, "*/*") / "all").stat().st_size == 32 << 20


def test_each_attempt_and_repetition_has_files_of_its_own(project, run, tmp_path):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_it.py": """
                import os, pathlib
                def test_it():
                    attempt = os.environ["MAELSTROM_ATTEMPT"]
                    output = pathlib.Path(os.environ["MAELSTROM_OUTPUT"])
                    (output / "file").write_text(os.environ["MAELSTROM_REPETITION"] + attempt)
                    assert attempt == "2"
            """,
        }
    )
    ran = run(directory, "--maelstrom-repeat=2", "--maelstrom-retries=1", ours=True)
    assert "2 flaky" in ran.out
    # Where nobody says where to keep them, it is the state directory.
    one_run = only(tmp_path / "state" / "output", "*")
    found = {re.sub(r"-[0-9a-f]{8}", "", p.parent.name): p for p in one_run.glob("*/file")}
    assert {name: path.read_text() for name, path in found.items()} == {
        "test_it.py-test_it_1_of_2_": "11",
        "test_it.py-test_it_1_of_2_.attempt-2": "12",
        "test_it.py-test_it_2_of_2_": "21",
        "test_it.py-test_it_2_of_2_.attempt-2": "22",
    }


def test_of_old_runs_the_last_ones_are_kept(project, run, tmp_path):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_it.py": """
                import os, pathlib
                def test_it(): (pathlib.Path(os.environ["MAELSTROM_OUTPUT"]) / "file").touch()
            """,
        }
    )
    output = tmp_path / "state" / "output"
    for day in range(1, 15):
        (output / f"2020-01-{day:02}T00-00-00-7").mkdir(parents=True)
    (output / "of-somebody-else").mkdir()
    assert run(directory, ours=True).code == 0
    kept = sorted(path.name for path in output.iterdir())
    assert kept[0] == "2020-01-06T00-00-00-7"
    assert len(kept) == 10 + 1
    assert "of-somebody-else" in kept


def test_where_files_cannot_be_kept_the_run_goes_on(project, run, tmp_path):
    directory = project({"pytest.ini": "[pytest]\n", "test_leaves.py": LEAVES})
    (tmp_path / "kept").write_text("a file where a directory should be")
    ran = run(directory, f"--maelstrom-output={tmp_path / 'kept'}", "-k", "fails", ours=True)
    assert "1 failed" in ran.out
    assert "nothing could be kept" in ran.out
    assert "File exists" in ran.out or "Not a directory" in ran.out


def test_temporary_files_of_failed_tests_come_back(project, run, tmp_path):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_it.py": """
                import os, pathlib
                import pytest

                def test_fails(tmp_path, tmp_path_factory):
                    (tmp_path / "deep").mkdir()
                    (tmp_path / "deep" / "data.txt").write_text("what it was")
                    (tmp_path / "link").symlink_to("/etc/passwd")
                    (tmp_path_factory.mktemp("made") / "more.txt").write_text("more")
                    (pathlib.Path(os.environ["MAELSTROM_OUTPUT"]) / "log").write_text("log")
                    assert False

                @pytest.fixture
                def broken(tmp_path):
                    (tmp_path / "before.txt").write_text("set up")
                    raise RuntimeError

                @pytest.mark.maelstrom(isolation="fresh")
                def test_error(broken): pass

                def test_passes(tmp_path):
                    (tmp_path / "data.txt").write_text("nobody asks")

                @pytest.mark.xfail
                def test_is_expected(tmp_path):
                    (tmp_path / "data.txt").write_text("nobody asks")
                    assert False

                def test_large(tmp_path):
                    (tmp_path / "large").write_bytes(bytes(600_000))
                    (tmp_path / "small").write_bytes(bytes(600))
                    assert False
            """,
        }
    )
    kept = tmp_path / "kept"
    arguments = (f"--maelstrom-output={kept}", "--maelstrom-output-size=500kB")
    ran = run(directory, *arguments, ours=True)
    assert "2 failed, 1 passed, 1 xfailed, 1 error" in ran.out, ran.out
    one_run = only(kept, "*")
    assert f"maelstrom: files of 3 tests in {one_run}\n" in ran.out
    assert files_below(one_run) == {
        os.path.join(only(one_run, f"*{test}*").name, name)
        for test, name in [
            ("fails", "log"),
            ("fails", "tmp/test_fails0/deep/data.txt"),
            ("fails", "tmp/made0/more.txt"),
            ("error", "tmp/test_error0/before.txt"),
            ("large", "tmp/test_large0/small"),
        ]
    }
    data = only(one_run, "*fails*") / "tmp/test_fails0/deep/data.txt"
    assert data.read_text() == "what it was"
    assert f"{only(one_run, '*fails*')}\n  log (3 bytes)\n" in ran.out
    assert "  tmp/test_fails0/deep/data.txt (11 bytes)\n" in ran.out
    assert "tmp/test_fails0/link: refused: no regular file" in ran.out
    assert "tmp/test_large0/large: refused: too large: 600000 bytes" in ran.out
    assert "current" not in ran.out
    for policy in ("tmp_path_retention_policy=none", "tmp_path_retention_count=0"):
        again = run(directory, *arguments, "-o", policy, "-k", "error", ours=True)
        assert "1 error" in again.out
        assert "files of" not in again.out
