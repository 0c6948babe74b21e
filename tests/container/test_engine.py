"""The local backend: jobs on real slots, from their limits in time to what is left after them."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from maelstrom_core.cluster.local import LocalBackend, open_local_backend
from maelstrom_core.model.container import ContainerSpec, Devices, Network, Proc, Tmp
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.layers import HostTreeLayer, PathsLayer
from maelstrom_core.model.outcome import (
    CouldNotStart,
    Exited,
    InputFailed,
    JobResult,
    Signaled,
    TimedOut,
)

SYSTEM = [path for path in ("/usr", "/bin", "/lib", "/lib64") if os.path.isdir(path)]
CONTAINER = ContainerSpec(
    layers=tuple(HostTreeLayer(path=os.path.realpath(path), target=path) for path in SYSTEM),
    mounts=(Proc(), Tmp(target="/tmp"), Devices()),
    environment=(("PATH", "/usr/bin:/bin"),),
)


def shell(script: str, **fields: Any) -> JobSpec:
    fields.setdefault("container", CONTAINER)
    return JobSpec(program="sh", arguments=("-c", script), **fields)


@pytest.fixture
def on_backend(tmp_path: Path) -> Callable[..., Any]:
    """Run an async function with a backend of two slots."""

    def run(main: Callable[[LocalBackend], Any], *, slots: int = 2) -> Any:
        async def with_backend() -> Any:
            async with open_local_backend(
                store_directory=tmp_path / "store", project_directory=tmp_path, slots=slots
            ) as backend:
                with trio.fail_after(60):
                    return await main(backend)

        return trio.run(with_backend)

    return run


@pytest.fixture
def result_of(on_backend) -> Callable[[JobSpec], JobResult]:
    """The result of one job."""

    def run(job: JobSpec) -> JobResult:
        return on_backend(lambda backend: backend.run(job))

    return run


def test_an_interrupt_while_a_job_is_heard_ends_the_run(on_backend):
    """It falls into the task that would hear how the job ends."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.RaisesGroup(KeyboardInterrupt, allow_unwrapped=True, flatten_subgroups=True):
            on_backend(
                lambda backend: backend.run(
                    shell("echo heard; sleep 1000"),
                    on_output=lambda stream, data: signal.raise_signal(signal.SIGINT),
                )
            )
    finally:
        signal.signal(signal.SIGINT, before)


def test_jobs_ignore_no_signal_though_the_engine_does(result_of):
    """As in a background job of a shell."""
    numbers = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        result = result_of(shell("grep SigIgn /proc/self/status"))
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    assert result.stdout.text().split() == ["SigIgn:", "0" * 16]


def test_one_slot_runs_jobs_that_need_other_slot_processes(on_backend):
    """It listens to one of its processes while it is given a job for another."""
    kinds: list[dict[str, Any]] = [
        {"network": Network.LOCAL},
        {},
        {"seccomp": False},
        {"network": Network.LOCAL, "seccomp": False},
        {"network": Network.LOCAL},
        {},
    ]

    async def one_after_the_other(backend: LocalBackend) -> list[str]:
        jobs = [
            shell(f"echo {number}", container=attrs.evolve(CONTAINER, **kind))
            for number, kind in enumerate(kinds)
        ]
        return [(await backend.run(job)).stdout.text() for job in jobs]

    said = on_backend(one_after_the_other, slots=1)
    assert said == [f"{number}\n" for number in range(len(kinds))]


def test_a_job_that_takes_too_long_is_asked_to_end(result_of):
    result = result_of(shell("echo began; sleep 100", timeout=0.3))
    assert result.outcome == TimedOut(0.3, killed=False)
    assert result.stdout.text() == "began\n"
    # Its clock starts a little after that of its limit.
    assert 0.1 <= result.usage.wall_seconds < 10


def test_a_job_that_will_not_end_is_killed_after_its_grace(result_of):
    script = "trap 'echo asked' TERM; while :; do sleep 0.05; done"
    result = result_of(shell(script, timeout=0.3, grace=0.5))
    assert result.outcome == TimedOut(0.3, killed=True)
    assert "asked" in result.stdout.text()
    assert result.usage.wall_seconds >= 0.6  # its clock starts a little after that of its limit


def test_a_job_may_clean_up_within_its_grace(result_of):
    script = "trap 'echo cleaned; exit 3' TERM; while :; do sleep 0.05; done"
    result = result_of(shell(script, timeout=0.3))
    assert result.outcome == TimedOut(0.3, killed=False)
    assert result.stdout.text() == "cleaned\n"


def test_a_job_says_where_it_is_before_it_is_asked_to_end(result_of):
    script = "trap 'echo here' USR1; trap 'echo ended; exit 3' TERM; while :; do sleep 0.05; done"
    result = result_of(shell(script, timeout=0.3, stack_signal=signal.SIGUSR1))
    assert result.outcome == TimedOut(0.3, killed=False)
    assert result.stdout.text() == "here\nended\n"


def test_a_job_that_dies_of_being_asked_where_it_is_has_timed_out_too(result_of):
    result = result_of(shell("exec sleep 100", timeout=0.3, stack_signal=63))
    assert result.outcome == TimedOut(0.3, killed=False)


def test_what_its_processes_did_when_its_time_was_up_is_told(result_of):
    result = result_of(shell("trap '' TERM; sleep 100; :", timeout=0.5, grace=0.2))
    first, second = result.seen.splitlines()[:2]
    assert first.startswith("sh (pid 2): sleeping")
    assert first.endswith("; ignores SIGTERM")
    assert "sleep (pid 3): sleeping" in result.seen, (first, second)


def test_what_it_wrote_to_files_that_end_with_it_is_told(result_of):
    result = result_of(shell("exec >/tmp/kept; echo in a file; sleep 100", timeout=0.5))
    assert result.stdout.text() == ""
    assert result.seen.endswith("--- stdout, captured until then ---\nin a file")


def test_of_a_job_that_ends_in_time_nothing_is_seen(result_of):
    assert result_of(shell("sleep 0.1", timeout=30)).seen == ""


@pytest.mark.parametrize(
    ("script", "outcome"),
    [("exit 0", Exited(0)), ("exit 41", Exited(41)), ("kill -SEGV $$", Signaled(11))],
)
def test_endings_are_exact(result_of, script, outcome):
    assert result_of(shell(script, timeout=30)).outcome == outcome


def test_a_cancelled_job_is_gone_when_its_caller_goes_on(on_backend, tmp_path):
    marker = f"marker-{os.urandom(6).hex()}"

    def alive() -> bool:
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdecimal() and marker in (process / "cmdline").read_text():
                    return True
            except OSError:
                continue
        return False

    async def main(backend: LocalBackend) -> None:
        started = trio.Event()

        async def forever() -> None:
            job = shell(f"echo here; sleep 1000; : {marker}")
            await backend.run(job, on_output=lambda _stream, _data: started.set())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(forever)
            await started.wait()
            assert alive()
            nursery.cancel_scope.cancel()
        assert not alive()
        # The slot is free again.
        assert (await backend.run(shell("exit 5"))).outcome == Exited(5)

    on_backend(main, slots=1)


def test_waiting_jobs_can_be_cancelled_and_others_go_on(on_backend):
    async def main(backend: LocalBackend) -> None:
        ended: list[str] = []

        async def one(name: str, script: str) -> None:
            await backend.run(shell(script))
            ended.append(name)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(one, "first", "sleep 0.4")
            await trio.sleep(0.1)
            with trio.move_on_after(0.1) as scope:
                await one("waiting", "true")
            assert scope.cancelled_caught
            nursery.start_soon(one, "last", "true")
        assert ended == ["first", "last"]

    on_backend(main, slots=1)


def test_the_longest_that_waits_goes_first(on_backend):
    async def main(backend: LocalBackend) -> list[str]:
        ended: list[str] = []

        async def one(name: str, seconds: float | None) -> None:
            await backend.run(shell("true", expected_duration=seconds))
            ended.append(name)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(backend.run, shell("sleep 0.5"))
            await trio.sleep(0.1)
            for name, seconds in (("short", 1.0), ("long", 9.0), ("middle", 5.0)):
                nursery.start_soon(one, name, seconds)
                await trio.sleep(0.02)
        return ended

    assert on_backend(main, slots=1) == ["long", "middle", "short"]


def test_jobs_run_side_by_side(on_backend):
    async def main(backend: LocalBackend) -> None:
        async with trio.open_nursery() as nursery:
            for name in "ab":
                nursery.start_soon(meet, backend, name)

    # Each waits until the other is there: one after the other they would never end.
    spot: list[str] = []

    async def meet(backend: LocalBackend, name: str) -> None:
        def arrived(_stream: int, _data: bytes) -> None:
            spot.append(name)

        job = shell("echo here; read line || sleep 0.3", timeout=20)
        before = time.monotonic()
        assert (await backend.run(job, on_output=arrived)).outcome == Exited(0)
        assert len(spot) == 2 or time.monotonic() - before > 0.3

    on_backend(main)
    assert sorted(spot) == ["a", "b"]


def test_what_is_wrong_with_a_job_is_its_result(result_of):
    missing = result_of(JobSpec(container=CONTAINER, program="no-such-program"))
    assert isinstance(missing.outcome, CouldNotStart)
    layers = (PathsLayer(paths=("not-there",)),)
    unmade = result_of(shell("true", container=ContainerSpec(layers=layers)))
    assert isinstance(unmade.outcome, InputFailed)
    assert "not-there" in str(unmade.outcome)
    empty = result_of(JobSpec(container=CONTAINER, program=""))
    assert isinstance(empty.outcome, InputFailed)


def test_a_container_that_could_not_be_made_can_be_made_later(on_backend, tmp_path):
    spec = ContainerSpec(layers=(*CONTAINER.layers, PathsLayer(paths=("late",))))

    async def main(backend: LocalBackend) -> None:
        assert isinstance((await backend.run(shell("true", container=spec))).outcome, InputFailed)
        (tmp_path / "late").write_text("now")
        result = await backend.run(shell("cat late", container=spec))
        assert (result.outcome, result.stdout.text(), result.stderr.text()) == (
            Exited(0),
            "now",
            "",
        )

    on_backend(main)


def test_each_part_of_a_job_has_its_own_time_output_and_report(on_backend):
    """A part that ends in time gives the next one all of its own."""
    # It does not look whether the separator has been read, but waits long enough.
    step = "sleep 0.4; echo of $part; echo of $part >&3; printf '\\036' >&3; sleep 0.1;"
    script = f"for part in one two; do {step} done; echo of three; exec sleep 1000"
    heard: list[tuple[int, bytes]] = []

    async def main(backend: LocalBackend) -> JobResult:
        job = shell(script, report=True, timeout=1.0, later_timeouts=(None, 0.7))
        return await backend.run(job, on_output=lambda *said: heard.append(said))

    result = on_backend(main)
    assert result.outcome == TimedOut(0.7, killed=False)
    assert (result.stdout.text(), result.report) == ("of three\n", b"")
    report = b"".join(data for stream, data in heard if stream == 3)
    assert report == b"of one\n\x1eof two\n\x1e"


def test_of_very_many_containers_those_used_last_are_remembered(on_backend, monkeypatch):
    """The others are made again when they are wanted again, though slots know them by the same key."""
    monkeypatch.setattr("maelstrom_core.cluster.local.MOST_KNOWN", 4)

    async def main(backend: LocalBackend) -> None:
        for number in (*range(24), *range(24), 3, 3, 23, 3):
            container = attrs.evolve(CONTAINER, environment=(("N", f"{number}"),))
            result = await backend.run(shell("echo $N", container=container))
            assert result.stdout.text() == f"{number}\n"
        async with trio.open_nursery() as nursery:  # those in use are kept, however many
            for number in range(6):
                container = attrs.evolve(CONTAINER, environment=(("N", f"{number}"),))
                nursery.start_soon(backend.run, shell("sleep 0.1", container=container))
        for table in (backend._specs, backend._names, backend._by_identity):
            assert len(table) <= 7
        assert backend.engine is not None
        assert len(backend.engine._roots.ready) <= 7
        assert set(backend.engine._roots.ready) == set(backend._specs)
        backend.engine._state.check()

    on_backend(main, slots=1)


def test_a_container_is_not_forgotten_with_an_equal_one_of_another_name(on_backend, tmp_path):
    """Two specs may come to one container, by which a slot knows both."""
    (tmp_path / "a").write_text("a")

    async def main(backend: LocalBackend) -> None:
        layers = [(PathsLayer(paths=(path,)),) for path in ("a", "./a")]
        equal = [attrs.evolve(CONTAINER, layers=CONTAINER.layers + one) for one in layers]
        others = [attrs.evolve(CONTAINER, hostname=f"h{number}") for number in range(7)]
        for container in (*equal, *others, equal[1], others[0]):
            result = await backend.run(shell("cat /a; hostname", container=container))
            assert isinstance(result.outcome, Exited), result
        assert (await backend.run(shell("cat /a", container=equal[1]))).stdout.text() == "a"

    on_backend(main, slots=1)
