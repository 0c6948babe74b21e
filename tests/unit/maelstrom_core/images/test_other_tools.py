"""The same image by skopeo and umoci, and by us: the same files come of it."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def tools(project: Path, tmp_path: Path):
    """Run a program in the project directory."""

    def run(*command: str) -> None:
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed (Debian: {command[0]})")
        done = subprocess.run(
            command,
            cwd=project,
            env={**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr

    return run


def described(directory: Path) -> dict[str, tuple[object, ...]]:
    """Everything below a directory: kind, permissions, content, first name of the same file."""
    found: dict[str, tuple[object, ...]] = {}
    first: dict[int, str] = {}
    for path in sorted(directory.rglob("*")):
        status = path.lstat()
        content: object = None
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            same = first.setdefault(status.st_ino, path.name) if path.stat().st_size else ""
            content = (path.read_bytes(), same, int(status.st_mtime))
        found[str(path.relative_to(directory))] = (
            stat.S_IFMT(status.st_mode),
            stat.S_IMODE(status.st_mode) if not path.is_symlink() else None,
            content,
        )
    return found


def test_an_image_that_umoci_has_made_is_what_umoci_makes_of_it(tools, bring, project):
    tools("umoci", "init", "--layout", "layout")
    tools("umoci", "new", "--image", "layout:it")
    tools("umoci", "unpack", "--rootless", "--image", "layout:it", "bundle")
    root = project / "bundle" / "rootfs"
    (root / "bin").mkdir()
    (root / "bin/tool").write_text("tool")
    (root / "bin/tool").chmod(0o4751)
    os.link(root / "bin/tool", root / "bin/same")
    os.symlink("../bin/tool", root / "link")
    (root / "closed").mkdir(0o700)
    (root / "closed/file").write_text("")
    (root / "gone").write_text("g")
    tools("umoci", "repack", "--image", "layout:it", "bundle")
    tools("umoci", "config", "--image", "layout:it", "--config.env", "A=umoci")
    shutil.rmtree(project / "bundle")
    tools("umoci", "unpack", "--rootless", "--image", "layout:it", "bundle")
    expected = described(root)

    got = bring("oci:layout:it")

    assert described(got.trees[0]) == expected
    assert {"bin/tool", "bin/same", "link", "closed/file"} < set(expected)
    assert dict(got.image.environment)["A"] == "umoci"

    # And what a second layer takes away.
    shutil.rmtree(root / "closed")
    (root / "gone").unlink()
    tools("umoci", "repack", "--image", "layout:it", "bundle")
    _, upper = bring("oci:layout:it").trees
    for name in ("closed", "gone"):
        assert stat.S_ISCHR((upper / name).lstat().st_mode)


@pytest.mark.parametrize("how", ["zstd", "gzip", "docker-archive", "oci-archive", "registry"])
def test_an_image_that_skopeo_has_copied_is_the_same(maker, tools, bring, project, registry, how):
    made = maker.image(maker.layer({"a": "1", "d": None, "d/b": "2"}), Env=["A=1"], Cmd=["sh"])
    made.write(project / "layout", "it")
    target, name = {
        "zstd": ("oci:copy:it", "oci:copy:it"),
        "gzip": ("oci:copy:it", "oci:copy:it"),
        "docker-archive": ("docker-archive:copy.tar:own:1", "docker-archive:copy.tar:own:1"),
        "oci-archive": ("oci-archive:copy.tar:it", "oci-archive:copy.tar:it"),
        "registry": (f"docker://{registry.host}/skopeo:1",) * 2,
    }[how]
    options = ["--dest-compress-format", how] if how in ("zstd", "gzip") else []
    tools(
        *("skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false", *options),
        *("oci:layout:it", target),
    )

    got = bring(name)

    assert described(got.trees[0]) == described(bring("oci:layout:it").trees[0])
    assert got.image.environment == (("A", "1"),)
