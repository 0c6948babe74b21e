"""A run in an image: its interpreter and its packages, the project's tests, the same reports."""

import glob
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs

from maelstrom_core.layers import elf

PACKAGES = ("_pytest", "pytest", "py", "pluggy", "iniconfig", "packaging", "pygments")
"""What pytest is made of, on Python 3.11 and later."""
LEFT_OUT = re.compile(
    r"/(test|tests|idlelib|tkinter|ensurepip|turtledemo|lib2to3|pydoc_data|config-[^/]*"
    r"|site-packages|dist-packages)(/|$)|/lib-dynload/_(test|xx|codecs_|tkinter)|\.opt-\d\.pyc$"
)
LOOK = "import json, sys, sysconfig; print(json.dumps([sys.version_info[:2], sys.executable, \
sysconfig.get_path('stdlib'), sysconfig.get_config_var('LIBDIR')]))"


@attrs.frozen
class Python:
    """An interpreter of this machine."""

    version: tuple[int, int]
    executable: str
    library: str
    shared: str


def pythons() -> Iterator[Python]:
    """Interpreters that today's pytest runs on; others than this one first."""
    found = glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python3"))
    found += [p for v in range(11, 16) for p in glob.glob(f"/usr/*bin/python3.{v}")]
    for path in [*sorted(found, reverse=True), sys.executable]:
        done = subprocess.run([path, "-IS", "-c", LOOK], capture_output=True, timeout=60)
        if done.returncode == 0:
            version, *rest = json.loads(done.stdout)
            is_other = version != list(sys.version_info[:2])
            if version >= [3, 11] and (is_other or path == sys.executable):
                yield Python(tuple(version), os.path.realpath(rest[0]), *rest[1:])


LINKS = {
    "proc": "/nowhere/proc",
    "sys": "nowhere/sys",
    "dev": "/etc",
    "tmp": "/var/tmp",
    "run": "/var/run",
    "etc/resolv.conf": "../run/resolver/resolv.conf",
    "root": "/home/root",
}
"""What images have in the place of what containers need; some of them point at nothing."""


def layer(python: Python) -> bytes:
    """A layer with an interpreter in /opt/python, and pytest in /opt/packages."""
    name = f"python{python.version[0]}.{python.version[1]}"
    # Of the others, those that pytest needs, need nothing but the C library.
    needed = [glob.glob(f"{python.library}/lib-dynload/{one}.*.so") for one in ("_ctypes", "zlib")]
    programs = ["/bin/sh", python.executable, *(path for paths in needed for path in paths)]
    buffer = io.BytesIO()

    def wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if LEFT_OUT.search(f"/{member.name}") else member

    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(python.library, f"opt/python/lib/{name}", filter=wanted)
        for package in PACKAGES:
            spec = importlib.util.find_spec(package)
            assert spec is not None and spec.origin is not None
            there = os.path.dirname(spec.origin) if spec.submodule_search_locations else spec.origin
            tar.add(there, f"opt/packages/{os.path.basename(there)}", filter=wanted)
        tar.add(python.executable, "opt/python/bin/python3", recursive=False)
        libraries = {*elf.closure(programs), *glob.glob(f"{python.shared}/libpython3*.so.1.0")}
        for path in sorted(libraries):
            real = os.path.realpath(path)
            if "libpython" in path:
                tar.add(real, f"opt/python/lib/{os.path.basename(path)}")
            else:
                tar.add(real, path.lstrip("/"))
        tar.add(os.path.realpath("/bin/sh"), "bin/sh")
        for name, target in LINKS.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
        own = tarfile.TarInfo("opt/packages/only_in_image.py")
        own.size = len(b"HERE = True\n")
        own.pax_headers = {"SCHILY.xattr.user.kept": "yes", "SCHILY.xattr.user.overlay.no": "no"}
        tar.addfile(own, io.BytesIO(b"HERE = True\n"))
    return buffer.getvalue()


TESTS = """
    import os
    import sys

    import pytest

    import only_in_image
    from project_code import answer


    def test_the_interpreter_is_the_image_s():
        assert list(sys.version_info[:2]) == {version}
        assert sys.prefix == "/opt/python"
        assert only_in_image.HERE
        path = only_in_image.__file__
        assert os.listxattr(path) == ["user.kept"]
        assert os.getxattr(path, "user.kept") == b"yes"


    def test_the_project_is_there_at_its_own_path(request):
        assert answer() == 42
        assert os.path.dirname(__file__) == {directory!r}
        assert os.getcwd() == {directory!r}


    def test_what_containers_need_is_there_whatever_the_image_has_there():
        for name in ("proc", "sys", "dev", "tmp", "run", "root", "etc/resolv.conf"):
            assert not os.path.islink(f"/{{name}}"), name
        with open("/proc/self/stat") as file:
            assert int(file.read().split()[0]) == os.getpid()
        with open("/dev/null", "w") as file:
            file.write("x")
        assert os.path.isdir("/sys/devices")
        for directory in ("/tmp", "/run", "/root", "/dev/shm"):
            with open(f"{{directory}}/written", "x") as file:
                file.write("x")


    def test_variables_are_the_image_s():
        assert os.environ["OF_THE_IMAGE"] == "yes"
        assert os.environ["OF_THE_FILE"] == "yes more"
        assert os.environ["HOME"] == "/root"
        assert "OF_THE_SHELL" not in os.environ


    def test_nothing_of_this_machine_is_there():
        assert not os.path.exists({host_file!r})
        assert not os.path.exists("/usr/bin/env")


    @pytest.mark.parametrize("number", range(3))
    def test_writes_stay_in_the_container(tmp_path, number):
        with open("/opt/python/written", "x") as file:
            file.write("x")
        (tmp_path / "a").write_text("a")


    def test_that_fails():
        left = [1, 2]
        assert left == [1, 3]
"""
HERE = """
    import os

    import pytest


    @pytest.mark.here
    def test_this_one_runs_here():
        assert os.path.exists({host_file!r})
        assert "OF_THE_IMAGE" not in os.environ
"""


def test_a_run_in_an_image_with_another_python(
    project: Callable[..., Path], run: Callable[..., Any], images: Any, tmp_path: Path
) -> None:
    python = next(pythons())
    image = tmp_path / "image.tar"
    variables = [
        "PATH=/opt/python/bin:/bin",
        "LD_LIBRARY_PATH=/opt/python/lib",
        "PYTHONPATH=/opt/packages",
        "PYTHONHOME=/opt/python",
        "OF_THE_IMAGE=yes",
    ]
    images.write(image, layer(python), Env=variables, WorkingDir="/somewhere")
    host_file = sys.executable
    directory = tmp_path / "project"
    project(
        {
            "pytest.ini": "[pytest]\nmarkers = here\n",
            "project_code.py": "def answer():\n    return 42\n",
            "test_it.py": TESTS.format(
                version=list(python.version), directory=os.fspath(directory), host_file=host_file
            ),
            "maelstrom-pytest.toml": f"""
                [containers.other]
                image = "docker-archive:{image}"
                added_environment = {{ OF_THE_FILE = "$prev{{OF_THE_IMAGE}} more" }}

                [[directives]]
                parent = "other"

                [[directives]]
                filter = "markers.contains(here)"
                parent = "default"
            """,
            "test_here.py": HERE.format(host_file=host_file),
        }
    )

    # A store of its own: what an earlier run of these tests has brought would not be brought again.
    store = {"MAELSTROM_STORE": str(tmp_path / "store")}
    ran = run(directory, ours=True, OF_THE_SHELL="1", **store)
    assert ran.cases.pop("test_it.py::test_that_fails")[0] == "failed"
    assert set(map(tuple, ran.cases.values())) == {("passed",)}, ran.out
    assert len(ran.cases) == 9
    assert "assert [1, 2] == [1, 3]" in ran.out
    assert "image.tar: 1 layer to bring" in ran.out

    again = run(directory, "-k", "interpreter", "--maelstrom-isolation=fresh", ours=True, **store)
    assert (again.code, len(again.cases)) == (0, 1), again.out
    assert "to bring" not in again.out
