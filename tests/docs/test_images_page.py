"""The page about images: its example of jobs runs, with an image made here in place of the one named."""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guide" / "images.md").read_text()
NAME = "docker://registry.example/team/sort:1"
PROGRAMS = ("sort", "head")
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


def blocks(kind: str) -> list[str]:
    section = PAGE.partition("## Jobs in images\n")[2].partition("\n## ")[0]
    found: list[str] = re.findall(rf"```{kind}\n(.*?)```", section, re.S)
    return found


def write_image(directory: Path) -> None:
    """An OCI layout with this machine's programs and what they load."""
    paths = [shutil.which(name) or "" for name in PROGRAMS]
    loaded = subprocess.run(["ldd", *paths], capture_output=True, text=True, check=True).stdout
    libraries = set(re.findall(r"(/\S+) \(0x", loaded))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as tar:
        for path in sorted({*paths, *libraries}):
            tar.add(path)
    layer = buffer.getvalue()
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(kind: str, data: bytes) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        media = f"application/vnd.oci.image.{kind}"
        return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)}

    described = blob("layer.v1.tar", layer)
    config = {
        "architecture": MACHINE,
        "os": "linux",
        "config": {"Entrypoint": ["sort"], "Cmd": ["/words.txt"]},
        "rootfs": {"type": "layers", "diff_ids": [described["digest"]]},
    }
    about = blob("config.v1+json", json.dumps(config).encode())
    manifest = {"schemaVersion": 2, "config": about, "layers": [described]}
    root = blob("manifest.v1+json", json.dumps(manifest).encode())
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [root]}))


@pytest.mark.usefixtures("containers")
def test_the_example_of_jobs_in_an_image(tmp_path: Path) -> None:
    write_image(tmp_path / "image")
    (jobs,), (session,), (python,) = blocks("toml"), blocks("console"), blocks("python")
    (tmp_path / "jobs.toml").write_text(jobs.replace(NAME, "oci:image"))
    (tmp_path / "example.py").write_text(python.replace(NAME, "oci:image"))
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MAELSTROM_STORE": str(tmp_path / "store"),
        "LC_ALL": "C.UTF-8",
    }

    def shell(command: str) -> str:
        how = {"env": environment, "cwd": tmp_path, "capture_output": True, "text": True}
        done = subprocess.run(["bash", "-c", command], timeout=60, check=False, **how)
        assert done.returncode == 0, done.stderr
        return done.stdout

    for part in re.split(r"^\$ ", session, flags=re.M)[1:]:
        command, _, shown = part.partition("\n")
        assert shell(command) == shown
    assert shell(f"{sys.executable} example.py") == "b\na\n"
