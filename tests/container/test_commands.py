"""Layers that programs make, and roots whose changes come back: real jobs, a real store."""

from pathlib import Path

import attrs
import pytest
import trio

from maelstrom_core.api import system_container
from maelstrom_core.cluster.local import LocalBackend, open_local_backend
from maelstrom_core.model.container import ContainerSpec, Root
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.layers import CommandLayer, PathsLayer, StoredLayer, StubsLayer
from maelstrom_core.model.outcome import Exited, InputFailed, JobResult
from maelstrom_core.store import Store

CAPTURED = Root(writable=True, captured=True, size_bytes=8 << 20)


def around(*layers, root: Root = CAPTURED, **fields) -> ContainerSpec:
    system = system_container()
    return attrs.evolve(system, layers=(*system.layers, *layers), root=root, **fields)


def shell(script: str, container: ContainerSpec, **fields) -> JobSpec:
    return JobSpec(
        container=container,
        program="sh",
        arguments=("-c", script),
        environment=(("PATH", "/usr/bin:/bin"),),
        **fields,
    )


def made_by(script: str, *layers, **fields) -> ContainerSpec:
    """A container with a layer that a script makes on some others."""
    command = CommandLayer(command=("sh", "-c", script), container=around(*layers), **fields)
    return around(*layers, command, root=Root())


def run_all(directory: Path, *jobs: JobSpec) -> list[JobResult]:
    """All at once, in one backend."""
    results: dict[int, JobResult] = {}

    async def one(backend: LocalBackend, index: int, job: JobSpec) -> None:
        results[index] = await backend.run(job)

    async def main() -> None:
        with trio.fail_after(60):
            async with (
                open_local_backend(
                    store_directory=directory / "store", project_directory=directory, slots=1
                ) as backend,
                trio.open_nursery() as nursery,
            ):
                for index, job in enumerate(jobs):
                    nursery.start_soon(one, backend, index, job)

    trio.run(main)
    return [results[index] for index in range(len(jobs))]


def test_what_a_job_changes_comes_back_as_a_layer(tmp_path: Path):
    script = """
        umask 0; printf new > /new; chmod 000 /new; ln /new /second; ln -s new /link; mkfifo /pipe
        rm /old/gone; rm -r /old/all; mkdir /old/all; touch -d @1000 /old/all/in; truncate -s 1M /holes
        exit 3
    """
    old = StubsLayer(stubs=("/old/{gone,stays}", "/old/all/hidden"))
    (result,) = run_all(tmp_path, shell(script, around(old)))

    assert result.outcome == Exited(3)
    assert result.changes is not None
    with Store.open(tmp_path / "store") as store:
        entries = {e.path.decode(): e for e in store.manifest(result.changes.layer)}
    assert {path: entry.kind.name for path, entry in entries.items()} == {
        "new": "FILE",
        "second": "HARDLINK",
        "link": "SYMLINK",
        "pipe": "FIFO",
        "holes": "FILE",
        "old": "DIRECTORY",
        "old/all": "DIRECTORY",
        "old/all/in": "FILE",
        "old/gone": "WHITEOUT",
    }
    assert entries["old/all"].opaque
    assert not entries["old"].opaque
    assert (entries["new"].mode, entries["new"].size) == (0, 3)
    assert entries["old/all/in"].mtime_ns == 1000 * 10**9
    assert (result.changes.entries, result.changes.size_bytes) == (9, 3 + (1 << 20))


def test_changes_are_a_layer_for_other_jobs_and_have_a_limit(tmp_path: Path):
    first, holes = run_all(
        tmp_path, shell("echo 1 > /one", around()), shell("truncate -s 9M /holes", around())
    )
    assert first.changes is not None
    later = around(StoredLayer(digest=first.changes.layer), root=Root())
    (second,) = run_all(tmp_path, shell("cat /one", later))

    assert (second.stdout.text(), second.changes) == ("1\n", None)
    assert (holes.outcome, holes.changes) == (Exited(0), None)
    assert holes.changes_missing.startswith("/holes: with it there are more than 8388608 bytes")


def test_a_program_makes_a_layer_once_for_equal_inputs(tmp_path: Path):
    """Also with one slot alone, and for jobs that want it at once; its times are its inputs'."""
    (tmp_path / "source").write_text("text")
    source = PathsLayer(paths=("source",))
    script = "cat /source > /made; echo $SOURCE_DATE_EPOCH >> /made; date +%N > /now; rm /source"
    wanted = "cat /now /made; ls / | grep -c source; stat -c %Y /now"
    jobs = [shell(f"{wanted} # {n}", made_by(script, source)) for n in range(3)]
    others = [shell(wanted, made_by(script, source, StubsLayer(stubs=("/x",))))]
    results = [*run_all(tmp_path, *jobs, *others), *run_all(tmp_path, jobs[0])]

    outputs = [result.stdout.text().split() for result in results]
    assert outputs[0] == outputs[1] == outputs[2] == outputs[4]
    assert outputs[3][0] != outputs[0][0]
    now, made, none, time = outputs[0]
    assert made == f"text{time}"
    assert (none, now.isdecimal()) == ("0", True)

    (tmp_path / "source").write_text("other")
    (result,) = run_all(tmp_path, jobs[0])
    assert result.stdout.text().split()[1].startswith("other")


@pytest.mark.parametrize(
    ("script", "fields", "told"),
    [
        ("echo so far; echo why >&2; exit 7", {}, ["exited with status 7", "so far", "why"]),
        ("sleep 60", {"timeout": 0.2}, ["timed out after 0.2 s"]),
        ("truncate -s 9M /x", {}, ["/x: with it there are more than"]),
    ],
)
def test_a_program_that_fails_is_told_of(tmp_path: Path, script, fields, told):
    (result,) = run_all(tmp_path, shell("true", made_by(script, **fields)))

    assert isinstance(result.outcome, InputFailed)
    (fault,) = [one for one in result.outcome.faults if "command: sh -c" in one]
    assert fault.startswith("layers[")
    assert [words for words in told if words not in fault] == []
    assert list((tmp_path / "store" / "commands" / "records").glob("*")) == []


def test_what_a_program_has_made_is_evicted_like_all_layers(tmp_path: Path):
    job = shell("cat /now", made_by("date +%N > /now"))
    (before,) = run_all(tmp_path, job)
    with Store.open(tmp_path / "store") as store:
        assert store.evict(0) > 0
        assert list((store.directory / "commands" / "records").iterdir()) == []
    (after,) = run_all(tmp_path, job)
    assert before.stdout.text() != after.stdout.text() != ""


def test_nothing_is_left_of_a_program_that_nobody_waits_for(tmp_path: Path):
    async def main() -> None:
        with trio.move_on_after(1.0):
            async with open_local_backend(
                store_directory=tmp_path / "store", project_directory=tmp_path, slots=1
            ) as backend:
                await backend.run(shell("true", made_by("sleep 3456")))

    trio.run(main)
    sleeping = [
        path for path in Path("/proc").glob("[0-9]*/cmdline") if b"sleep\x003456" in _read(path)
    ]
    assert sleeping == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
