"""The program `maelstrom`, as a person at a terminal meets it. `doctor` is in tests/container."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from maelstrom_core.layers import make_layers
from maelstrom_core.model.layers import PathsLayer
from maelstrom_core.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def said(tmp_path: Path, store: Path):
    """Run the program; nobody's settings are read."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        own = {"XDG_CONFIG_HOME": str(tmp_path), "MAELSTROM_STORE": str(store), **variables}
        return subprocess.run(
            [sys.executable, "-m", "maelstrom_core.cli", *arguments],
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def layer(tmp_path: Path, store: Path) -> Path:
    """A file of 3 MB, and the store's copy of it."""
    (tmp_path / "big").write_bytes(b"x" * 3_000_000)
    with Store.open(store) as opened:
        made = make_layers([PathsLayer(paths=("big",))], project_directory=tmp_path, store=opened)
        made.lease.release()
    (copy,) = [path for path in store.glob("trees/**/big") if path.is_file()]
    return copy


def test_without_a_command_it_says_which_there_are(said):
    done = said()
    assert done.returncode == 0
    for command in ("doctor", "explain", "store", "image"):
        assert f"maelstrom {command}" in done.stdout


def test_settings_are_shown_with_where_they_come_from(said, tmp_path, store):
    file = tmp_path / "maelstrom" / "maelstrom" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('cache-size = "3GB"\n')
    done = said("--print-config")
    assert (done.returncode, done.stderr) == (0, "")
    shown = [re.sub(" +=", " =", line) for line in done.stdout.splitlines()]
    assert f'store = "{store}"  # $MAELSTROM_STORE' in shown
    assert f'cache-size = "3GB"  # {file}' in shown
    assert 'interpreter = "auto"  # default' in shown
    assert not store.exists()


def test_explain_shows_every_step_and_its_purpose_before_there_is_a_container(said):
    done = said("explain")
    assert (done.returncode, done.stderr) == (0, "")
    prepared, _, job = done.stdout.partition("done for each job")
    assert "root        read-only" in prepared
    assert "layers      1" in prepared
    assert "refuse system calls that no test needs: seccomp(" in prepared
    order = [
        "go to the working directory: chdir(",
        "drop capabilities: capset(",
        "allow no new privileges: prctl(",
        "start the init: execveat(",
    ]
    places = [job.index(words) for words in order]
    assert places == sorted(places)


def test_explain_shows_what_a_writable_root_takes_more(said):
    read_only, writable = said("explain").stdout, said("explain", "--writable").stdout
    assert "gone with the job" in writable
    assert "gone with the job" not in read_only
    assert len(writable.splitlines()) > len(read_only.splitlines())


@pytest.mark.parametrize("command", ["explain", ""], ids=["long", "short enough for the buffer"])
def test_a_reader_who_has_had_enough_is_no_error(command):
    program = f"env -u PYTHONUNBUFFERED {sys.executable} -m maelstrom_core.cli {command}"
    script = f"(sleep 0.2; {program}; echo $? >&2) | true"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("", "0\n")


def test_the_store_is_measured_verified_and_pruned(said, store, layer):
    assert said("store").stdout == f"{store}: 0.00 of 20 GB\n"
    assert said("store", MAELSTROM_CACHE_SIZE="1GB").stdout == f"{store}: 0.00 of 1 GB\n"
    assert said("store", "verify").stdout == f"{store} is sound\n"
    assert said("store", "prune").stdout == f"1 layers removed from {store}\n"
    assert not layer.exists()
    assert said("store", "prune").stdout == f"0 layers removed from {store}\n"


def test_a_damaged_store_is_told_by_its_exit_status_too(said, store, layer):
    times = layer.stat()
    layer.chmod(0o644)
    with layer.open("r+b") as file:
        file.write(b"y")
    os.utime(layer, ns=(times.st_atime_ns, times.st_mtime_ns))
    done = said("store", "verify")
    assert done.returncode == 1
    assert done.stdout.strip()
    assert "is sound" not in done.stdout


def test_a_store_of_a_newer_version_is_refused_in_two_lines(said, store, layer):
    (store / "VERSION").write_text("99\n")
    done = said("store")
    assert done.returncode not in (0, 1)
    assert done.stdout == ""
    assert done.stderr.startswith("maelstrom: ")
    assert "99" in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert layer.exists()


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"MAELSTROM_CACHE_SIZE": "much"}, "$MAELSTROM_CACHE_SIZE: cache-size: 'much' must be"),
        ({"MAELSTROM_STORE": "/dev/null/store"}, "/dev/null/store"),
    ],
)
def test_what_is_wrong_with_settings_is_told_without_a_traceback(said, variables, words):
    done = said("store", **variables)
    assert done.returncode not in (0, 1)
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_images_are_pulled_listed_described_and_forgotten(said, tmp_path):
    layout = tmp_path / "layout"
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def add(data: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        kind = f"application/vnd.oci.image.{kind}"
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    layer = add(bytes(10240), "layer.v1.tar")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    rootfs = {"type": "layers", "diff_ids": [layer["digest"]]}
    config = {"os": "linux", "architecture": machine, "rootfs": rootfs}
    manifest = {"config": add(json.dumps(config).encode(), "config.v1+json"), "layers": [layer]}
    index = {"manifests": [add(json.dumps(manifest).encode(), "manifest.v1+json")]}
    (layout / "index.json").write_text(json.dumps(index))
    name, digest = f"oci:{layout}", index["manifests"][0]["digest"]

    done = said("image", "pull", name)
    assert (done.returncode, done.stdout) == (0, f"{name} {digest}\n"), done.stderr
    assert f"{name}: 1 layer to bring" in done.stderr
    assert said("image", "pull", name).stderr == ""
    assert said("image", "list").stdout.startswith(f"{name} {digest[:19]} linux/{machine} 0.0 MB")
    assert f"layer       {layer['digest']}" in said("image", "inspect", name).stdout
    assert said("image", "remove", name).returncode == 0
    assert said("image", "list").stdout == ""
    gone = said("image", "inspect", name)
    assert (gone.returncode, "is not in the store" in gone.stderr) == (4, True)
    wrong = said("image", "pull", "python", "docker://B")
    assert (wrong.returncode, wrong.stderr.count("expected")) == (4, 2)
    assert "which image?" in said("image", "pull").stderr
