"""What a host may have that a run could stumble over: named and refused, or taken as it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FILES = {
    "pytest.ini": "[pytest]\n",
    "test_it.py": """
        import os

        def test_it():
            assert b"caf\\xe9" in os.listdir(b".")
            assert os.getcwdb().endswith(b"caf\\xe9")
            assert os.environb[b"DRINK"] == b"caf\\xe9"
    """,
}
PLAIN = {"pytest.ini": "[pytest]\n", "test_it.py": "def test_it(): pass\n"}


def test_names_and_variables_that_are_not_utf_8_are_taken_as_they_are(project, tmp_path):
    directory = os.fsencode(project(FILES))
    os.rename(directory, os.path.join(os.path.dirname(directory), b"caf\xe9"))
    directory = os.path.join(os.path.dirname(directory), b"caf\xe9")
    with open(os.path.join(directory, b"caf\xe9"), "wb"):
        pass
    for _ in range(2):  # the second run has a memory of the first
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "maelstrom", "-p", "no:cacheprovider"],
            cwd=directory,
            env={**os.environb, b"DRINK": b"caf\xe9", b"MAELSTROM_STATE": os.fsencode(tmp_path)},
            capture_output=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert b"1 passed" in done.stdout


def refused(ran, *words: str) -> None:
    assert ran.code == 4, ran.out
    assert not ran.cases
    for word in words:
        assert word in ran.out
    assert "Traceback" not in ran.out


def test_a_store_of_a_newer_version_is_left_alone(project, run, tmp_path):
    store = tmp_path / "newer"
    store.mkdir()
    (store / "VERSION").write_text("99\n")
    ran = run(project(PLAIN), f"--maelstrom-store={store}", ours=True)
    refused(ran, f"{store} has version '99'", "upgrade, or put the store elsewhere")
    assert os.listdir(store) == ["VERSION"]


@pytest.mark.parametrize("kind", ["unreadable", "a device"])
def test_what_cannot_be_part_of_a_snapshot_is_named_or_left_out(project, tmp_path, run, kind):
    directory = project(PLAIN)
    odd = directory / "odd"
    if kind == "unreadable":
        odd.write_text("secret")
        odd.chmod(0)
        if os.geteuid() == 0:
            pytest.skip("root may read everything; tests/unit shows the same without its rights")
        refused(run(directory, ours=True), f"{odd}: Permission denied")
        odd.chmod(0o600)
    else:
        try:
            os.mknod(odd, 0o20666, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("an ordinary user can make no device to try this with")
    assert run(directory, ours=True).code == 0


SMALL_DISK = 'mount -t tmpfs -o size=300k none "$0" && exec "$@"'


def test_a_full_disk_is_told_with_what_to_do(project, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    own = ["unshare", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK, str(disk)]
    tried = subprocess.run([*own, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no disk of one's own on this host: {tried.stderr}")
    directory: Path = project(PLAIN)
    done = subprocess.run(
        [
            *own,
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "maelstrom",
            f"--maelstrom-store={disk}/store",
        ],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 4, said
    assert "the disk is full where the store is" in said
    assert "free some space there, or put the store elsewhere" in said
    assert "Traceback" not in said
