"""The original's ``maelstrom-pytest`` on the same suite, without an image from a registry.

It starts ``/usr/local/bin/python`` in a container for every case. So the environment becomes one
tar file, with that name as a link in it, and the libraries that interpreters need go beside it.
The project is a copy: a ``maelstrom-pytest.toml`` in the suite itself would be read by ours, too.
"""

import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

from runs import Project, run

NAME = "the original's maelstrom-pytest"
LEFT_OUT = re.compile(r"/(site-packages|test|idlelib|ensurepip|config-[^/]*)(/|$)")
"""Of the interpreter's own library: what no suite needs, and what the environment has itself."""
ASKED = """
import json, pathlib, sys, sysconfig
print(json.dumps({
    "executable": str(pathlib.Path(sys._base_executable).resolve()),
    "library": str(pathlib.Path(sysconfig.get_path("stdlib")).resolve()),
    "packages": sysconfig.get_path("purelib"),
}))
"""
PACKAGES = "/usr/local/packages"
"""Where the environment's packages are in its containers."""
HOW_MANY = re.compile(r"Successful Tests:?\s+(\d+)")


class Original:
    """A suite prepared for it.

    :param binaries: directory with its programs
    :param project: what the other ways run
    :param work: where the copy and the tar file are put
    """

    def __init__(self, binaries: Path, project: Project, work: Path) -> None:
        self.passed = 0
        """How many cases its latest run says were successful; skipped ones are among them."""
        self._program = binaries / "maelstrom-pytest"
        self._source = work / f"{project.source.name}-original"
        self._variables = {
            **project.variables,
            "PATH": f"{project.python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }
        shutil.rmtree(self._source, ignore_errors=True)
        shutil.copytree(project.source, self._source)
        place = json.loads(
            subprocess.run(
                [project.python, "-c", ASKED], check=True, text=True, stdout=subprocess.PIPE
            ).stdout
        )
        environment = work / f"{project.source.name}-original.tar"
        pack(environment, place)
        spec = self._source / "maelstrom-pytest.toml"
        spec.write_text(specification(environment, place, sorted(os.listdir(project.source))))

    def way(self, files: Sequence[str]) -> Callable[[], float]:
        """Seconds of a whole run.

        :param files: test files to run, relative to the project; none means all
        """
        command: list[str | Path] = [self._program, "--ui=simple", "--slots=2"]
        for file in files:
            command += ["--include", f"file.equals({file})"]
        # Its root file system is read-only, and pytest would warn of its cache.
        command += ["--extra-pytest-args=-pno:cacheprovider"]

        def measure() -> float:
            # Its status is that of the first case to fail: any of pytest's.
            finished = run(command, self._source, self._variables, statuses=range(6))
            found = HOW_MANY.search(finished.output)
            self.passed = int(found[1]) if found else 0
            if not self.passed:
                raise RuntimeError(f"none of its cases succeeded:\n{finished.output[-2000:]}")
            return finished.seconds

        return measure


def pack(archive: Path, place: dict[str, str]) -> None:
    """Interpreter and its library where they are on the host, and the environment's packages."""

    def wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if LEFT_OUT.search(f"/{member.name}"[len(place["library"]) :]) else member

    # Of a tar file with PAX headers it said that a file with a long path existed twice.
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
        tar.add(place["executable"])
        tar.add(place["library"], filter=wanted)
        tar.add(place["packages"], PACKAGES)
        if place["executable"] != "/usr/local/bin/python":
            link = tarfile.TarInfo("usr/local/bin/python")
            link.type, link.linkname = tarfile.SYMTYPE, place["executable"]
            tar.addfile(link)


def specification(environment: Path, place: dict[str, str], entries: Sequence[str]) -> str:
    """Its ``maelstrom-pytest.toml``.

    :param entries: what is in the project's directory; a glob of all would take its own cache, too
    """
    modules = Path(place["library"]) / "lib-dynload"
    extensions = [*modules.glob("*.so"), *Path(place["packages"]).rglob("*.so")]
    binaries = [place["executable"], *map(str, sorted(extensions))]
    globs = [f"{name}/**" for name in entries if "." not in name]
    files = [name for name in entries if name.endswith((".toml", ".cfg", ".ini", ".py", ".md"))]
    return f"""[[directives]]
layers = [
    {{ tar = {json.dumps(str(environment))} }},
    {{ shared_library_dependencies = {json.dumps(binaries)}, follow_symlinks = true }},
    {{ glob = "{{{",".join([*globs, *files])}}}" }},
    {{ stubs = [ "/{{proc,sys,tmp}}/", "/dev/{{full,null,random,urandom,zero}}" ] }},
]
mounts = [
    {{ type = "tmp", mount_point = "/tmp" }},
    {{ type = "proc", mount_point = "/proc" }},
    {{ type = "sys", mount_point = "/sys" }},
    {{ type = "devices", devices = ["full", "null", "random", "urandom", "zero"] }},
]

[directives.environment]
PYTHONPATH = "{PACKAGES}"
"""
