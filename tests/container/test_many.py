"""Many jobs, many layers: nothing grows, nothing is left, nothing breaks."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trio.testing

from maelstrom_core.container.messages import Ended, Launch, Lost
from maelstrom_core.container.plan import MAX_LAYERS, prepare_message
from maelstrom_core.container.runtime import open_slots
from maelstrom_core.errors import InputError
from maelstrom_core.model.container import Container

JOBS = 500
"""On each of two slots."""


def descendants(pid: int) -> list[int]:
    """All processes below one, zombies included."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue  # it has just ended
            children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found, look = [], [pid]
    while look:
        below = children.get(look.pop(), [])
        found += below
        look += below
    return found


def counts() -> tuple[int, int]:
    """Processes below this one, and descriptors of them and of this one."""
    pids = descendants(os.getpid())
    try:
        return len(pids), sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in [os.getpid(), *pids])
    except OSError:
        return -1, -1  # one of them has just ended


async def settled(condition: Callable[[], bool]) -> tuple[int, int]:
    """What is there when a condition holds, or after ten seconds.

    A slot makes its next container when it has told of the end of a job.
    """
    with trio.move_on_after(10):
        while not condition():
            await trio.sleep(0.01)
    return counts()


def test_a_thousand_jobs_leave_no_descriptor_and_no_process_behind(lower, interpreter):
    message = prepare_message(Container(), lowers=[str(lower)])

    async def run_jobs(slot, number: int) -> None:
        for index in range(number):
            slot.launch(Launch(index, message.key, "/true", (), ()))
            while not isinstance(said := await slot.receive(), Ended):
                pass
            assert said.status == 0

    async def main() -> None:
        async with open_slots(2, interpreter=interpreter) as slots:
            for slot in slots:
                slot.prepare(message)
                await run_jobs(slot, 3)
            # The process that was started, the slot, and the init that waits.
            before = await settled(lambda: counts()[0] == 3 * len(slots))
            async with trio.open_nursery() as nursery:
                for slot in slots:
                    nursery.start_soon(run_jobs, slot, JOBS)
            assert await settled(lambda: counts() == before) == before

    trio.run(main)


@pytest.mark.parametrize("writable", [False, True], ids=["read-only", "writable"])
def test_hundreds_of_layers_make_one_root(shell, tmp_path, writable):
    from maelstrom_core.model.container import Root

    layers = []
    for index in range(300):
        layer = tmp_path / f"layer-{index}"
        layer.mkdir()
        (layer / f"of-{index}").write_text("")
        (layer / "uppermost").write_text(f"{index}\n")
        layers.append(layer)
    seen = shell("ls / | grep -c of-; cat /uppermost", lowers=layers, root=Root(writable=writable))
    assert seen.out == "300\n299\n"


def test_more_layers_than_the_kernel_stacks_are_refused_beforehand():
    at_most = [f"/layer-{index}" for index in range(MAX_LAYERS)]
    prepare_message(Container(), lowers=at_most)
    with pytest.raises(InputError, match="500 of them; 499 at most can be stacked"):
        prepare_message(Container(), lowers=[*at_most, "/one-more"])


def test_the_kernel_stacks_as_many_as_we_allow(shell, tmp_path):
    layers = []
    for index in range(MAX_LAYERS):
        layer = tmp_path / f"layer-{index}"
        layer.mkdir()
        (layer / f"of-{index}").write_text("")
        layers.append(layer)
    assert shell("ls / | grep -c of-", lowers=layers).out == f"{MAX_LAYERS}\n"


def test_slots_that_are_not_needed_yet_have_no_process(lower, interpreter):
    """And get one when they are, also in the place of one that was lost."""
    message = prepare_message(Container(), lowers=[str(lower)])

    async def main() -> None:
        async with open_slots(2, interpreter=interpreter, at_once=False) as (_first, second):
            # The one that was started, and the slot.
            assert (await settled(lambda: counts()[0] == 2))[0] == 2
            said: list[object] = []

            async def listen() -> None:
                while True:
                    said.append(await second.receive())

            async with trio.open_nursery() as nursery:
                nursery.start_soon(listen)
                await trio.testing.wait_all_tasks_blocked()
                assert counts()[0] == 2
                for number in range(2):
                    said.clear()
                    if number == 0:
                        second.prepare(message)
                    second.launch(Launch(number, message.key, "/true", (), ()))
                    with trio.fail_after(60):
                        while not said or not isinstance(said[-1], Ended):
                            await trio.sleep(0.01)
                    (process,) = second._processes.values()
                    process.process.kill()
                    with trio.fail_after(60):
                        while not isinstance(said[-1], Lost):
                            await trio.sleep(0.01)
                nursery.cancel_scope.cancel()

    trio.run(main)
