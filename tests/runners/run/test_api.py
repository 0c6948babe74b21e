"""Jobs from Python: with trio and without, one and many, and how they are ended."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

from maelstrom_core.api import (
    ContainerSpec,
    Exited,
    HostError,
    InputError,
    JobSpec,
    Runner,
    open_runner,
    system_container,
)

SLEEP = {"program": "sleep", "arguments": ["62.5"]}


@pytest.fixture
def runner(store: Path, tmp_path: Path) -> Iterator[Runner]:
    with Runner(store=store, project_directory=tmp_path, slots=2) as runner:
        yield runner


def sleeping() -> int:
    """Processes on this host that sleep as the jobs here do."""
    lines = (path for path in Path("/proc").glob("[0-9]*/cmdline"))
    count = 0
    for path in lines:
        try:
            count += path.read_bytes() == b"sleep\x0062.5\x00"
        except OSError:
            continue
    return count


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_jobs_one_by_one(runner: Runner, tmp_path: Path) -> None:
    """Written or made, with what they write as it comes, from several threads."""
    (tmp_path / "word").write_text("from the project\n")
    heard: list[tuple[int, bytes]] = []
    script = "cat /word; echo err >&2; printf left > file; exit 3"
    written = {
        "program": "sh",
        "arguments": ["-c", script],
        "added_layers": [{"paths": ["word"]}],
        "outputs": "file",
    }
    result = runner.run(written, on_output=lambda stream, data: heard.append((stream, data)))

    assert result.outcome == Exited(3)
    assert (result.stdout.text(), result.stderr.text()) == ("from the project\n", "err\n")
    assert [(file.path, file.data) for file in result.outputs] == [("/tmp/file", b"left")]
    assert sorted(heard) == [(1, b"from the project\n"), (2, b"err\n")]

    container: ContainerSpec = system_container()
    made = JobSpec(container=container, program="pwd")
    assert runner.run(made).stdout.text() == "/tmp\n"

    codes: list[object] = []

    def ask(code: int) -> None:
        job = {"program": "sh", "arguments": ["-c", f"exit {code}"]}
        codes.append(runner.run(job).outcome)

    threads = [threading.Thread(target=ask, args=(code,)) for code in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes, key=str) == [Exited(code) for code in range(5)]


def test_what_is_no_job_is_told(runner: Runner) -> None:
    with pytest.raises(InputError, match=r"programm: unknown; did you mean program\?"):
        runner.run({"programm": "x"})
    with pytest.raises(InputError, match="it is 2 jobs, not one"):
        runner.run({"jobs": [{"program": "x"}, {"program": "y"}]})
    with pytest.raises(InputError, match=r"stdin\.file: .*: No such file"):
        runner.run({"program": "x", "stdin": {"file": "nowhere"}})
    with pytest.raises(InputError, match="programm"):
        list(runner.run_all([SLEEP, {"programm": "x"}]))
    # All others are ended by that.
    until(lambda: sleeping() == 0)


def test_many_jobs_of_any_number_are_taken_as_slots_become_free(runner: Runner) -> None:
    taken = itertools.count(1)
    last = 0

    def endless() -> Iterator[dict[str, object]]:
        nonlocal last
        for last in taken:
            yield {"program": "sh", "arguments": ["-c", f"exit {last % 3}"]}

    results = runner.run_all(endless())
    found = {one.number: one.result.outcome for one in itertools.islice(results, 150)}
    results.close()

    assert found == {number: Exited(number % 3) for number in found}
    assert len(found) == 150
    assert last <= 150 + 100


def test_several_threads_may_run_jobs_at_once_good_ones_and_bad_ones(runner: Runner) -> None:
    told: list[object] = []

    def ask(thread: int) -> None:
        for number in range(10):
            name = f"{thread}-{number}"
            own = {"containers": {name: {"parent": "default", "group": number}}, "parent": name}
            with pytest.raises(InputError, match="programm"):
                runner.run({**own, "programm": "id"})
            result = runner.run({**own, "program": "id", "arguments": ["-g"]})
            told.append((number, result.stdout.text()))

    threads = [threading.Thread(target=ask, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(told) == sorted((number, f"{number}\n") for number in [*range(10)] * 4)


def test_leaving_ends_what_runs(store: Path) -> None:
    with Runner(store=store, slots=3) as runner:
        # What ends comes last: of those behind it, none need have been taken by then.
        for ended in runner.run_all([SLEEP, SLEEP, {"program": "true"}]):
            until(lambda: sleeping() > 0)
            assert ended.number == 3
            break
        until(lambda: sleeping() == 0)

        told: list[str] = []

        def wait() -> None:
            try:
                runner.run(SLEEP)
            except RuntimeError as error:
                told.append(str(error))

        other = threading.Thread(target=wait, daemon=True)
        other.start()
        until(lambda: sleeping() == 1)
    assert sleeping() == 0
    other.join(20)
    assert told == ["the Runner was closed before the job had ended"]
    with pytest.raises(RuntimeError, match="within its context"):
        runner.run(SLEEP)


def test_with_trio_calls_can_be_cancelled_and_jobs_come_from_anywhere(store: Path) -> None:
    async def jobs() -> object:
        for code in range(130):
            await trio.lowlevel.checkpoint()
            yield {"program": "sh", "arguments": ["-c", f"exit {code}"]}

    async def main() -> None:
        async with open_runner(store=store, slots=2) as runner:
            with trio.move_on_after(0.5) as scope:
                await runner.run(SLEEP)
            assert scope.cancelled_caught
            assert sleeping() == 0

            async with runner.run_all(jobs()) as results:
                found = {one.number: one.result.outcome async for one in results}
            assert found == {code + 1: Exited(code) for code in range(130)}

            with pytest.raises(InputError, match="programm"):
                async with runner.run_all([{"programm": "x"}]) as results:
                    async for _ in results:
                        pass

            async with runner.run_all([SLEEP, {"program": "true"}]) as results:
                async for one in results:
                    assert one.number == 2
                    break
            assert sleeping() == 0

    trio.run(main)


def test_what_cannot_be_opened_is_told_where_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(HostError), Runner(store=tmp_path / "file" / "store"):
        pass
    with pytest.raises(InputError, match="slots"), Runner(slots=0):
        pass
