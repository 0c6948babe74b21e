"""Files that jobs leave: read where they are, when nobody is left to change them."""

import os
import subprocess
from pathlib import Path

import pytest
import trio

from maelstrom_core.container import running, slot_process
from maelstrom_core.container.collecting import MOST_FILES, MOST_REFUSED, mounts_of
from maelstrom_core.container.messages import Launch, Left
from maelstrom_core.container.plan import prepare_message
from maelstrom_core.container.runtime import open_slots
from maelstrom_core.model.container import Bind, Container, Proc, Root, Tmp

WRITABLE = Root(writable=True)


def left(seen) -> dict[str, bytes | str]:
    """Of each path its bytes, or why it is not here."""
    files = [message for message in seen.messages if isinstance(message, Left)]
    assert len({one.path for one in files}) == len(files)
    return {one.path: one.why or one.data for one in files}


def wanted(*patterns: str, size: int = 1 << 20) -> dict[str, object]:
    return {"outputs": patterns, "outputs_bytes": size}


def test_files_are_found_by_patterns_in_the_mounts_of_the_job(shell, tmp_path: Path):
    """Also: its mounts are seen whatever they are, and an unreadable file of its own is read."""
    (tmp_path / "shared").mkdir()
    script = """
        mkdir -p d/e /t/.hidden; printf 1 > d/e/1.txt; printf 2 > d/2.txt; printf 3 > /t/.hidden/3
        printf 4 > /shared/4; printf 5 > '[5]'; ln -s d l; printf 6 > 6; chmod 000 6; exit 3
    """
    seen = shell(
        f"cd /w && {script}",
        root=WRITABLE,
        mounts=(
            Tmp(target="/w"),
            Tmp(target="/t"),
            Bind(source=str(tmp_path / "shared"), target="/shared", read_only=False),
        ),
        launch={
            "working_directory": "/w",
            **wanted("**/*.txt", "/t", "/shared/?", "[[]5]", "l/2.txt", "6", "../w/d", "no", "n*"),
        },
    )

    assert seen.code == 3
    found = left(seen)
    # Whoever may read anything, as root in a user namespace may, is not asked.
    assert found.pop("/w/6") == b"6"
    assert found == {
        "/w/d/2.txt": b"2",
        "/w/d/e/1.txt": b"1",
        "/t/.hidden/3": b"3",
        "/shared/4": b"4",
        "/w/[5]": b"5",
        "/w/l/2.txt": b"2",
        "/w/../w/d/2.txt": b"2",
        "/w/../w/d/e/1.txt": b"1",
        "no": "there is no such file",
    }


def test_what_is_no_file_or_leads_out_is_not_brought(shell):
    script = (
        "mkfifo f; ln -s /proc/self/environ e; ln -s ../../../../etc/shadow s; ln -s l l; ln -s / r"
    )
    seen = shell(
        f"cd /w && {script}",
        root=WRITABLE,
        mounts=(Tmp(target="/w"), Proc()),
        launch={"working_directory": "/w", **wanted("*", "/proc/1/root/*", "r/w/f")},
    )

    found = left(seen)
    assert found.pop("/w/f") == found.pop("/w/r/w/f") == "it is no file"
    # A link is followed as the job would have followed it: /etc is not in this container.
    assert {path for path, what in found.items() if isinstance(what, bytes)} == set()
    assert set(found) == {"/w/e", "/w/s", "/w/l"}


def test_no_more_is_brought_than_was_asked_for(shell):
    script = "printf %900s > a; printf %200s > b; printf %100s > c; truncate -s 1T d"
    seen = shell(
        f"cd /w && {script}",
        mounts=(Tmp(target="/w"),),
        launch={"working_directory": "/w", **wanted("?", size=1000)},
    )

    found = left(seen)
    assert (len(found["/w/a"]), len(found["/w/c"])) == (900, 100)
    for path in ("/w/b", "/w/d"):
        assert str(found[path]).startswith("more than may be brought back")


@pytest.mark.parametrize(
    ("script", "count", "why"),
    [
        (f"seq {MOST_FILES + 5} | xargs touch", MOST_FILES + 1, f"more than {MOST_FILES} files"),
        ("seq 99 | xargs mkfifo", MOST_REFUSED + 1, "no more is looked for"),
    ],
)
def test_there_is_an_end_to_many_files(shell, script, count, why):
    seen = shell(
        f"cd /w && {script}",
        mounts=(Tmp(target="/w"),),
        launch={"working_directory": "/w", **wanted("*")},
    )

    found = left(seen)
    assert len(found) == count
    assert str(found["*"]).startswith(why)


def test_older_kernels_show_mounts_by_proc():
    child = subprocess.Popen(["unshare", "-Um", "sleep", "60"])
    try:
        pidfd, proc = os.pidfd_open(child.pid), os.open("/proc", os.O_PATH)
        ours = os.readlink("/proc/self/ns/mnt")
        while os.readlink(f"/proc/{child.pid}/ns/mnt") == ours:
            pass
        mounts = mounts_of(proc, pidfd)
        assert os.readlink(f"/proc/self/fd/{mounts}") == os.readlink(f"/proc/{child.pid}/ns/mnt")
        for descriptor in (pidfd, proc, mounts):
            os.close(descriptor)
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("init", [True, False], ids=["init", "no-init"])
def test_files_of_a_job_that_is_over_before_its_slot_runs_again(
    interpreter, lower, system_trees, following, monkeypatch, init
):
    """The last jobs of those with an init are in containers that were made ahead."""
    monkeypatch.setattr(slot_process, "_PROGRAM", str(Path(__file__).with_name("late_slot.py")))
    container = Container(
        mounts=(Tmp(target="/w"),), environment=(("PATH", "/usr/bin:/bin"),), init=init
    )

    async def main() -> list[dict[str, bytes | str]]:
        message = prepare_message(container, lowers=[str(lower)], host_trees=system_trees)
        async with open_slots(1, interpreter=interpreter) as (slot,):
            slot.prepare(message)
            jobs = [
                Launch(
                    number,
                    message.key,
                    "/bin/sh",
                    ("-c", f"echo {number} > /w/x"),
                    container.environment,
                    outputs=("/w/x",),
                    outputs_bytes=100,
                )
                for number in range(4)
            ]
            return [left(await following(slot, job)) for job in jobs]

    assert trio.run(main) == [{"/w/x": b"%d\n" % number} for number in range(4)]


def test_a_slot_goes_on_as_before(shell):
    """What it enters, it leaves: the next job of the same slot is in a container of its own."""
    assert running.PIDFD_GET_MNT_NAMESPACE == 0xFF03
    seen = shell("printf x > /w/x", mounts=(Tmp(target="/w"),), launch=wanted("/w/x"))
    assert (left(seen), seen.code) == ({"/w/x": b"x"}, 0)
