"""Jobs in images: brought once, kept in the store, and told of where they cannot be had."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

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
