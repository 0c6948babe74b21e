"""A suite with tests that use all they can get: each fails by itself, and is told why."""

import os

from maelstrom_core.container.control_groups import offered

FILES = {
    "maelstrom-pytest.toml": """
        [[directives]]
        filter = "name.contains(memory)"
        limits = { memory = "400MiB" }

        [[directives]]
        filter = "name.contains(pids)"
        limits = { pids = 400 }

        [[directives]]
        filter = "name.contains(disk)"
        root_size = "8MiB"

        [[directives]]
        filter = "name.contains(output)"
        limits = { output = "1MiB" }
    """,
    "test_bombs.py": """
        import os, subprocess, time
        import pytest

        def test_memory_bomb():
            kept = []
            while True:
                kept.append(bytearray(1 << 20))

        def test_pids_bomb():
            while True:
                if os.fork() == 0:
                    time.sleep(1000)

        def test_disk_filler():
            with open("/var/tmp/full", "wb", buffering=0) as file:
                while True:
                    file.write(bytes(1 << 16))

        def test_output_flood():
            while True:
                os.write(1, b"x" * 4096)

        @pytest.mark.parametrize("number", range(3))
        @pytest.mark.parametrize("bomb", ["memory", "pids", "disk", "output", "no"])
        def test_neighbour(bomb, number, tmp_path):
            assert len(bytearray(20 << 20)) == 20 << 20
            assert subprocess.run(["true"]).returncode == 0
            (tmp_path / "file").write_bytes(bytes(1 << 20))
            print("y" * 10_000)
    """,
}


def test_four_bombs_among_other_tests_fail_and_are_explained(project, run) -> None:
    chosen = ("--maelstrom-timeout=60", "--maelstrom-slots=4", "-s")
    ran = run(project(FILES), *chosen, ours=True)
    assert ran.code == 1, ran.out[-5000:]
    ended = {case.partition("::")[2]: kinds for case, kinds in ran.cases.items()}
    neighbours = {name: kinds for name, kinds in ended.items() if "neighbour" in name}
    assert len(neighbours) == 15 and set(map(tuple, neighbours.values())) == {("passed",)}
    bombs = {name for name, kinds in ended.items() if kinds != ["passed"]}
    assert bombs == {"test_memory_bomb", "test_pids_bomb", "test_disk_filler", "test_output_flood"}
    words = " ".join(ran.out.split())
    for told in (
        "it has run into its limit of room for files in /: 8 MiB",
        "root_size raises it",
        "ended by its limit of output: 1 MiB, by maelstrom; limits.output raises it",
    ):
        assert told in words, ran.out[-5000:]
    if os.path.exists("/proc/sys/kernel/ns_last_pid"):
        # Otherwise the kernel does not count what is started.
        assert "run into its limit of processes and threads at once: 400" in words, ran.out[-5000:]
    if "memory" in offered().controllers:
        assert "ended by its limit of memory: 400 MiB, by control group" in words, ran.out[-5000:]
    else:
        assert "it has perhaps run into its limit of memory: 400 MiB" in words, ran.out[-5000:]
        assert "limit of memory: of each process by itself, not of the whole job" in words, ran.out[
            -5000:
        ]
