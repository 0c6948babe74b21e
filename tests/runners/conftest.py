"""A real terminal, with somebody at the keyboard; images of containers."""

import hashlib
import io
import json
import os
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from at_a_terminal import on_a_terminal as on_a_terminal

from maelstrom_core.layers import elf


class Images:
    """Makes images for tests."""

    @staticmethod
    def write(path: Path, archive: bytes, **config: object) -> None:
        """An image as ``docker save`` writes it."""
        machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
        diff_id = f"sha256:{hashlib.sha256(archive).hexdigest()}"
        described = json.dumps(
            {
                "architecture": machine,
                "os": "linux",
                "config": config,
                "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            }
        ).encode()
        name = f"{hashlib.sha256(described).hexdigest()}.json"
        manifest = [{"Config": name, "RepoTags": ["own:1"], "Layers": ["1/layer.tar"]}]
        parts = {
            "manifest.json": json.dumps(manifest).encode(),
            name: described,
            "1/layer.tar": archive,
        }
        with tarfile.open(path, "w") as tar:
            for part, data in parts.items():
                member = tarfile.TarInfo(part)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))

    @staticmethod
    def small_layer(programs: Sequence[str], files: Mapping[str, str]) -> bytes:
        """A layer with programs of this machine, the libraries that they need, and files.

        :param programs: absolute paths
        :param files: texts by their paths, without the first ``/``
        """
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for path in (
                *programs,
                *sorted(elf.closure([os.path.realpath(one) for one in programs])),
            ):
                tar.add(os.path.realpath(path), path.lstrip("/"))
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                tar.addfile(member, io.BytesIO(text.encode()))
        return buffer.getvalue()


@pytest.fixture
def images() -> Images:
    """Images, as ``docker save`` writes them."""
    return Images()
