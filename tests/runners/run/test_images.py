"""Jobs in images: brought once, kept in the store, and told of where they cannot be had."""

import hashlib
import io
import json
import os
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from maelstrom_core.api import Exited, InputError, Runner, open_runner

MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


def write_layout(directory: Path, files: dict[str, bytes], config: dict[str, object]) -> None:
    """An OCI layout of one image with one layer (OCI image specification, image-layout.md)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, io.BytesIO(data))
    layer = buffer.getvalue()
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(kind: str, data: bytes) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        media = f"application/vnd.oci.image.{kind}"
        return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)}

    described = blob("layer.v1.tar", layer)
    whole = {
        "architecture": MACHINE,
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [described["digest"]]},
    }
    about = blob("config.v1+json", json.dumps(whole).encode())
    manifest = {"schemaVersion": 2, "config": about, "layers": [described]}
    root = blob("manifest.v1+json", json.dumps(manifest).encode())
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [root]}))
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


SHELL = [{"paths": ["/usr/bin/bash", "/usr/bin/cat"]}]
SHELL += [{"shared_library_dependencies": ["/usr/bin/bash", "/usr/bin/cat"]}]
SHOW = ["-c", 'echo "$KIND $PATH"; pwd; /usr/bin/cat /files/here; echo x > /tmp/there']


def test_jobs_run_in_images_and_what_is_not_said_comes_with_them(
    run: Callable, tmp_path: Path
) -> None:
    config = {"Env": ["KIND=image's", "PATH=/tools"], "WorkingDir": "/files"}
    write_layout(tmp_path / "image", {"files/here": b"a file of the image\n"}, config)
    image = "oci:image"
    program = {"program": "/usr/bin/bash", "arguments": SHOW, "added_layers": SHELL}
    parts = {"image": {"name": image, "use": ["layers"]}}
    jobs = [
        {**program, "image": image, "label": "whole"},
        {
            **program,
            "containers": {"made": parts},
            "parent": "made",
            "added_environment": {"KIND": "$prev{KIND:-none}"},
            "label": "layers alone",
        },
        {**program, "image": "oci:nowhere", "label": "nowhere"},
        {"program": "echo", "arguments": ["goes on"], "label": "without"},
    ]

    ran = run("--json", given=jobs)

    ended = {one["label"]: one for one in ran.events if one["event"] == "ended"}
    assert ended["whole"]["stdout"] == "image's /tools\n/files\na file of the image\n"
    alone = ended["layers alone"]["stdout"].splitlines()
    # No PATH: bash has one of its own.
    assert alone[0].startswith("none /usr/local")
    assert alone[1:] == ["/", "a file of the image"]
    assert ended["without"]["stdout"] == "goes on\n"
    nowhere = ended["nowhere"]["outcome"]
    assert nowhere["kind"] == "input failed"
    assert "image: oci:nowhere: " in nowhere["words"]
    assert ran.code == 1
    # Progress is told on standard error, apart from events, and once.
    assert ran.err.count("oci:image: is there") == 1


def test_what_would_be_run_in_an_image_is_shown(run: Callable, tmp_path: Path) -> None:
    write_layout(tmp_path / "image", {"here": b""}, {"WorkingDir": "/files"})

    ran = run("--explain", given=[{"program": "true", "image": "oci:image"}])

    assert ran.code == 0, ran.err
    assert "directory   /files" in ran.out
    assert " of oci:image" in ran.out


# What a slow registry holds up, and what not


SAYS_WHERE = {"program": "/usr/bin/cat", "arguments": ["/files/here"], "added_layers": SHELL}
GOES_ON = {"program": "echo", "arguments": ["goes on"]}


@pytest.fixture
def slow(slow_registry: Any, tmp_path: Path) -> Any:
    """A registry with an image, which nobody has brought yet."""
    slow_registry.layout = tmp_path / "slow"
    write_layout(slow_registry.layout, {"files/here": b"in the image\n"}, {"Env": ["A=image"]})
    return slow_registry


def threads_that_bring() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith(("maelstrom image", "maelstrom-image"))]


def leases(store: Path) -> list[Path]:
    return list((store / "leases").iterdir())


def test_jobs_are_read_and_run_while_the_image_of_one_before_them_comes(
    program: Callable[..., "subprocess.Popen[bytes]"], slow: Any, tmp_path: Path
) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": tmp_path}
    one_document = {"jobs": [{**SAYS_WHERE, "image": slow.name}, GOES_ON]}
    with program("--json", "--store=own", **pipes) as running:
        running.stdin.write(json.dumps(one_document).encode())
        running.stdin.write(json.dumps({**GOES_ON, "image": "oci:nowhere"}).encode())
        running.stdin.write(json.dumps({**GOES_ON, "label": "read later"}).encode())
        running.stdin.close()
        events: list[dict[str, Any]] = []
        while len([one for one in events if one["event"] == "ended"]) < 3:
            events.append(json.loads(running.stdout.readline()))
        assert slow.asked.wait(30)
        slow.given.set()
        events += map(json.loads, running.stdout)
        assert running.wait(60) == 1

    ended = {one["job"]: one for one in events if one["event"] == "ended"}
    assert list(ended)[-1] == 1
    assert ended[1]["stdout"] == "in the image\n"
    assert ended[2]["stdout"] == ended[4]["stdout"] == "goes on\n"
    assert "oci:nowhere" in ended[3]["outcome"]["words"]
    # Said when all is known of it.
    assert [one["job"] for one in events if one["event"] == "given"][-1] == 1
    assert events[-1] == {"event": "over", "jobs": 4, "failed": 1, "faults": 0}


def test_no_more_jobs_wait_for_an_image_than_may_be_known(
    program: Callable[..., "subprocess.Popen[bytes]"], slow: Any, tmp_path: Path
) -> None:
    wide = json.dumps({**SAYS_WHERE, "image": slow.name, "label": "x" * 10_000}).encode() + b"\n"
    few = ("--slots=1", "--read-ahead=5", "--store=own", "--output-directory=left")
    with program(*few, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=tmp_path) as running:
        os.set_blocking(running.stdin.fileno(), False)
        written = 0
        # Until nothing has been taken for a while: pipes hold 64 KiB, and the reader as much.
        end = time.monotonic() + 3
        while time.monotonic() < end:
            try:
                written += os.write(running.stdin.fileno(), wide)
            except BlockingIOError:
                time.sleep(0.01)
        running.terminate()
        assert running.wait(timeout=30) == -15

    assert 5 * len(wide) < written < 400_000


def test_what_only_an_image_can_tell_to_be_wrong_is_a_fault_of_that_job_alone(
    run: Callable, tmp_path: Path
) -> None:
    write_layout(tmp_path / "image", {"here": b""}, {"Env": ["A=b"]})
    wrong = {**GOES_ON, "image": "oci:image", "added_environment": {"B": "$prev{C}"}}

    ran = run(given=[{"jobs": [wrong, GOES_ON]}])

    assert (ran.code, ran.out) == (4, "goes on\n")
    assert "  jobs[0].added_environment.B: $prev{C} is not set" in ran.err


def test_python_s_many_jobs_go_on_as_well(slow: Any, tmp_path: Path, store: Path) -> None:
    jobs = [{**SAYS_WHERE, "image": slow.name}, GOES_ON, GOES_ON]

    async def with_trio() -> list[int]:
        numbers = []
        async with (
            open_runner(store=tmp_path / "a", project_directory=tmp_path) as runner,
            runner.run_all(jobs) as results,
        ):
            async for ended in results:
                assert ended.result.outcome == Exited(0)
                numbers.append(ended.number)
                if len(numbers) == 2:
                    slow.given.set()
        return numbers

    assert trio.run(with_trio)[-1] == 1

    slow.given.clear()
    with Runner(store=tmp_path / "b", project_directory=tmp_path) as runner:
        numbers = []
        for ended in runner.run_all(jobs):
            numbers.append(ended.number)
            if len(numbers) == 2:
                slow.given.set()
        assert numbers[-1] == 1
        wrong = {**jobs[0], "added_environment": {"B": "$prev{C}"}}
        with pytest.raises(InputError, match=r"\$prev\{C\} is not set"):
            list(runner.run_all([GOES_ON, wrong]))
        with pytest.raises(InputError, match=r"\$prev\{C\} is not set"):
            runner.run(wrong)


def test_a_bring_that_is_cancelled_ends_soon_and_keeps_nothing(slow: Any, tmp_path: Path) -> None:
    own = tmp_path / "own"

    async def main() -> None:
        async with open_runner(store=own, project_directory=tmp_path) as runner:
            before = leases(own)
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    # Two that want it: the first to leave does not take it away from the other.
                    first = trio.CancelScope()

                    async def want(scope: trio.CancelScope) -> None:
                        with scope:
                            await runner.run({**SAYS_WHERE, "image": slow.name})

                    nursery.start_soon(want, first)
                    nursery.start_soon(want, trio.CancelScope())
                    await trio.to_thread.run_sync(slow.asked.wait)
                    assert len(leases(own)) > len(before)
                    first.cancel()
                    await trio.sleep(0.2)
                    assert threads_that_bring()
                    began = time.monotonic()
                    scope.cancel()
            assert time.monotonic() - began < 6
            assert leases(own) == before
            assert threads_that_bring() == []
            # Nobody was told that it cannot be had.
            slow.given.set()
            result = await runner.run({**SAYS_WHERE, "image": slow.name})
            assert result.stdout.text() == "in the image\n"

    trio.run(main)
    assert leases(own) == []


def test_a_registry_that_says_nothing_at_all_holds_up_nobody_who_gives_up(
    tmp_path: Path, store: Path
) -> None:
    """Nothing but a connection: who asks waits for the other side of TLS."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        name = f"docker://127.0.0.1:{silent.getsockname()[1]}/x"

        async def main() -> None:
            async with (
                open_runner(store=store, project_directory=tmp_path) as runner,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(runner.run, {**GOES_ON, "image": name})
                connection, _ = await trio.to_thread.run_sync(silent.accept)
                with connection:
                    connection.recv(1)
                    began = time.monotonic()
                    nursery.cancel_scope.cancel()
                    with trio.CancelScope(shield=True):
                        while threads_that_bring():
                            await trio.sleep(0.01)
                    assert time.monotonic() - began < 6

        trio.run(main)


def test_a_signal_while_an_image_comes_ends_the_program_at_once(
    program: Callable[..., "subprocess.Popen[bytes]"], slow: Any, tmp_path: Path
) -> None:
    given = json.dumps({**SAYS_WHERE, "image": slow.name}).encode()
    for arguments in ((), ("--one",), ("--explain",)):
        slow.asked.clear()
        with program("--store=own", *arguments, stdin=subprocess.PIPE, cwd=tmp_path) as running:
            running.stdin.write(given)
            running.stdin.close()
            assert slow.asked.wait(30)
            began = time.monotonic()
            running.terminate()
            assert running.wait(30) == -15
            assert time.monotonic() - began < 6
    assert leases(tmp_path / "own") == []
