"""Manifests and workflows, read by those who would: by the code of Kubernetes, and by actionlint.

Both are built from modules of Go, which takes minutes.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DEPLOY = HERE.parents[1] / "examples" / "deploy"
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7"

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(not shutil.which("go"), reason="go is not installed"),
]


def go(*arguments: str, cwd: Path) -> str:
    """A command that brings modules; skips where they cannot be had."""
    done = subprocess.run(["go", *arguments], cwd=cwd, capture_output=True, text=True)
    if done.returncode and ("dial tcp" in done.stderr or "proxyconnect" in done.stderr):
        pytest.skip(f"modules of Go cannot be had: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("manifests")
    shutil.copytree(HERE / "manifests", directory, dirs_exist_ok=True)
    go("mod", "download", cwd=directory)
    go("build", "-o", "manifests", ".", cwd=directory)
    return directory / "manifests"


def test_kubernetes_takes_the_manifests(checker: Path) -> None:
    files = sorted(map(str, DEPLOY.glob("kubernetes/*.yaml")))
    done = subprocess.run([checker, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("is right") == 4


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        (
            "sizeLimit",
            "sizeLimits",
            'unknown field "spec.template.spec.volumes[0].emptyDir.sizeLimits"',
        ),
        ("hostUsers: false", "hostUsers: true", "`hostUsers` must be false to use `Unmasked`"),
        ("labels: {app: maelstrom-worker}", "labels: {app: other}", "does not match template"),
    ],
)
def test_it_would_say_what_is_wrong(
    checker: Path, tmp_path: Path, right: str, wrong: str, says: str
) -> None:
    text = (DEPLOY / "kubernetes" / "worker.yaml").read_text()
    assert right in text
    (tmp_path / "worker.yaml").write_text(text.replace(right, wrong))
    done = subprocess.run([checker, tmp_path / "worker.yaml"], capture_output=True, text=True)
    assert done.returncode == 1
    assert says in done.stdout


def test_github_takes_the_workflow(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module nothing\n")
    for workflow in sorted(DEPLOY.glob("github/*.yml")):
        go("run", ACTIONLINT, str(workflow), cwd=tmp_path)
