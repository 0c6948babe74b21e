"""The image of a worker, built and begun by Podman as its Containerfile says.

The base comes from Docker Hub, if it is not there. What else a machine wants: in the file that
``CONTAINERS_CONF`` names.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "examples" / "deploy" / "container"
IMAGE = "localhost/maelstrom-worker-tested"

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed"),
]


def podman(*arguments: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    command = ["podman", *arguments]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of this tree."""
    context = tmp_path_factory.mktemp("image")
    shutil.copytree(RECIPE, context, dirs_exist_ok=True)
    base = re.search("^FROM (.+)$", (RECIPE / "Containerfile").read_text(), re.M)
    assert base is not None
    if podman("image", "exists", base[1]).returncode:
        pulled = podman("pull", "--quiet", base[1])
        if pulled.returncode:
            pytest.skip(f"the base cannot be had: {pulled.stderr.splitlines()[-1]}")
    source = tmp_path_factory.mktemp("source")
    copied = shutil.ignore_patterns(".*", "build", "tests", "docs", "bench")
    shutil.copytree(ROOT, source, ignore=copied, dirs_exist_ok=True)
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(context), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    options = ("--network", "host", "--tag", IMAGE, "--file", "Containerfile")
    built = podman("build", *options, ".", cwd=context)
    assert built.returncode == 0, built.stderr
    return IMAGE


def doctor(image: str, *options: str) -> "subprocess.CompletedProcess[str]":
    volume = ("--mount", "type=volume,dst=/var/lib/maelstrom", "--network", "host")
    return podman("run", "--rm", *volume, *options, "--entrypoint", "maelstrom", image, "doctor")


def test_a_worker_can_make_containers_without_any_capability(image: str) -> None:
    asked = (RECIPE / "Containerfile").read_text()
    options = re.findall(
        r"--(?:security-opt|cap-drop) [\w=-]+", asked.partition("\n# With Podman")[0]
    )
    words = " ".join(options).replace("systempaths=unconfined", "unmask=ALL").split()
    assert len(words) == 10
    done = doctor(image, *words)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_still_missing_is_told(image: str) -> None:
    done = doctor(image)
    assert done.returncode == 71
    assert "--security-opt systempaths=unconfined" in done.stdout
    done = doctor(image, "--security-opt", "unmask=ALL")
    assert done.returncode == 71, "the filter of Podman"
    assert "set the host name" in done.stdout
    assert "--security-opt seccomp=unconfined" in done.stdout
