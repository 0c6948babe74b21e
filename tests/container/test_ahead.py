"""The container that a slot makes ahead: used when it fits, never seen otherwise."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trio

from maelstrom_core.container.messages import Ended, Launch, NotStarted, Output
from maelstrom_core.container.plan import prepare_message
from maelstrom_core.container.runtime import Slot, open_slots
from maelstrom_core.model.container import Container, Limits, Root, Tmp

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
TREES = [(os.path.realpath(path), path) for path in SYSTEM if os.path.isdir(path)]
PATH = (("PATH", "/usr/bin:/bin"),)


async def follow(slot: Slot, launch: Launch) -> tuple[str, Any]:
    """What a job wrote to its standard output, and how it ended."""
    slot.launch(launch)
    out = b""
    with trio.fail_after(60):
        while True:
            message = await slot.receive()
            if isinstance(message, Output) and message.stream == 1:
                out += message.data
            if isinstance(message, Ended | NotStarted):
                return out.decode(), message


def launch(number: int, key: str, script: str, **fields: Any) -> Launch:
    fields = {"environment": PATH, "program": "sh", "arguments": ("-c", script)} | fields
    return Launch(number, key, **fields)


def outputs(
    interpreter: str, lower: Path, jobs: Sequence[dict[str, Any]], containers: Sequence[Container]
) -> list[tuple[str, Any]]:
    """Run jobs one after the other on one slot, with time to make each next container."""

    async def main() -> list[tuple[str, Any]]:
        found = []
        async with open_slots(1, interpreter=interpreter) as (slot,):
            keys = []
            for container in containers:
                message = prepare_message(container, lowers=[str(lower)], host_trees=TREES)
                slot.prepare(message)
                keys.append(message.key)
            for number, job in enumerate(jobs):
                job = dict(job)
                key = keys[job.pop("container", 0)]
                found.append(await follow(slot, launch(number, key, **job)))
                await trio.sleep(0.1)
        return found

    return trio.run(main)


def test_a_container_is_made_ahead_and_used(interpreter, lower):
    async def main() -> None:
        async with open_slots(1, interpreter=interpreter) as (slot,):
            message = prepare_message(Container(), lowers=[str(lower)], host_trees=TREES)
            slot.prepare(message)
            await follow(slot, launch(0, message.key, ":"))
            await follow(slot, launch(1, message.key, ":"))
            (waiting,) = await until_one_waits()
            slot.launch(launch(2, message.key, "exec sleep 1000"))
            with trio.fail_after(10):
                while programs_of(waiting) != [b"sleep 1000"]:
                    await trio.sleep(0.01)
            slot.signal(2, 9)
            while not isinstance(await slot.receive(), Ended):
                pass
            (other,) = await until_one_waits()
            assert other != waiting

    trio.run(main)


def test_jobs_in_containers_made_ahead_have_all_that_is_their_own(interpreter, lower):
    script = "echo $A $1 $0; pwd; cat; ls /tmp; touch /tmp/mine; ls /proc/self/fd | wc -l"
    jobs = [
        {
            "script": script,
            "arguments": ("-c", script, "zero", f"one{number}"),
            "environment": (*PATH, ("A", f"a{number}")),
            "working_directory": "/usr",
        }
        for number in range(4)
    ]
    found = outputs(interpreter, lower, jobs, [Container(mounts=Container().mounts)])
    assert [out for out, _ in found] == [
        f"a{number} one{number} zero\n/usr\n4\n" for number in range(4)
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"working_directory": "/tmp", "script": "pwd"},
        {"stdin": b"text", "script": "cat"},
        {"report": True, "script": "echo said >&3; echo -n done"},
        {"container": 1, "script": "cat /proc/sys/kernel/hostname"},
        {"script": "echo $#", "arguments": ("-c", "echo $#", "x", *(("y" * 50,) * 2000))},
        {"script": "echo ${#A}", "environment": (*PATH, ("A", "a" * 100_000))},
    ],
    ids=["directory", "stdin", "report", "container", "long arguments", "long environment"],
)
def test_a_job_that_needs_another_one_gets_it(interpreter, lower, other):
    wanted = ["/tmp\n", "text", "done", "other\n", "2000\n", "100000\n"]
    usual = {"script": "echo usual"}
    found = outputs(
        interpreter,
        lower,
        [usual, usual, usual, other, usual, other, other, other, usual],
        [Container(), Container(hostname="other")],
    )
    said = [out for out, _ in found]
    assert said[:3] == ["usual\n"] * 3 and said[4] == said[8] == "usual\n"
    assert said[3] == said[5] == said[6] == said[7]
    assert said[3] in wanted
    assert all(ended.status == 0 for _, ended in found)


def test_a_writable_root_made_ahead_is_empty(interpreter, lower):
    script = "ls / | grep -c left; : > /left-$$"
    container = Container(root=Root(writable=True), limits=Limits(open_files=50))
    found = outputs(interpreter, lower, [{"script": script}] * 4, [container])
    assert [out for out, _ in found] == ["0\n"] * 4


def test_what_cannot_be_started_in_one_is_told_as_ever(interpreter, lower):
    job = {"program": "nowhere", "script": ""}
    found = outputs(interpreter, lower, [{"script": ":"}] * 2 + [job] * 2, [Container()])
    for _, said in found[2:]:
        assert isinstance(said, NotStarted)
        assert (said.call, said.errno) == ("execve", 2)


def test_a_job_is_killed_by_signals_in_one(interpreter, lower):
    jobs = [{"script": ":"}] * 2 + [{"script": "kill -TERM $$"}] * 2
    found = outputs(interpreter, lower, jobs, [Container(mounts=(Tmp(target="/tmp"),))])
    assert [os.waitstatus_to_exitcode(said.status) for _, said in found] == [0, 0, -15, -15]


def test_one_that_was_killed_while_it_waited_is_replaced(interpreter, lower):
    """By whatever kills processes on a host that is short of memory."""

    async def main() -> None:
        async with open_slots(1, interpreter=interpreter) as (slot,):
            message = prepare_message(Container(), lowers=[str(lower)], host_trees=TREES)
            slot.prepare(message)
            for number in range(2):
                await follow(slot, launch(number, message.key, ":"))
            (waiting,) = await until_one_waits()
            os.kill(waiting, 9)
            await trio.sleep(0.1)
            out, ended = await follow(slot, launch(3, message.key, "echo all the same"))
            assert (out, ended.status) == ("all the same\n", 0)

    trio.run(main)


async def until_one_waits() -> list[int]:
    with trio.fail_after(10):
        while not (waiting := waiting_inits()):
            await trio.sleep(0.01)
    return waiting


def programs_of(pid: int) -> list[bytes]:
    """Command lines of the children of a process."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    lines = [Path(f"/proc/{child}/cmdline").read_bytes() for child in children]
    return [line.rstrip(b"\0").replace(b"\0", b" ") for line in lines]


def waiting_inits() -> list[int]:
    """Processes of this user whose command line is that of an init that waits."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                waits = (entry / "cmdline").read_bytes() == b"maelstrom-init\0"
                if waits and below_us(int(entry.name)):
                    found.append(int(entry.name))
            except OSError:
                continue  # it has just ended
    return found


def below_us(pid: int) -> bool:
    """Whether a process is a descendant of this one."""
    while pid > 1:
        if pid == os.getpid():
            return True
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return False
