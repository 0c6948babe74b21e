"""The libraries of a binary are those that ldd(1) finds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from maelstrom_core.container.stub import init_elf_for
from maelstrom_core.errors import InputError
from maelstrom_core.layers.elf import closure
from maelstrom_core.model.layers import SharedLibrariesLayer


def ldd(binary: str) -> set[str]:
    listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True)
    paths = set()
    for line in listed.stdout.splitlines():
        name, _, rest = line.strip().partition(" => ")
        path = (rest or name).rpartition(" (")[0]
        if path.startswith("/"):
            paths.add(os.path.realpath(path))
    return paths


@pytest.mark.parametrize("program", ["sh", "ls", "git", "ssh", "perl", "tar", sys.executable])
def test_the_same_libraries_as_ldd(program):
    path, tool = shutil.which(program), shutil.which("ldd")
    if path is None or tool is None:
        pytest.skip(f"{'ldd' if tool is None else program} is not installed here")
    real = os.path.realpath(path)
    if Path(real).read_bytes()[:4] != b"\x7fELF":
        pytest.skip(f"{real} is a script")
    assert {os.path.realpath(found) for found in closure([real])} == ldd(real)


def test_a_binary_runs_with_what_was_found_and_nothing_else(tree):
    """The loader of the layer itself, told to look nowhere else, finds everything."""
    sh = os.path.realpath("/bin/sh")
    made = tree(SharedLibrariesLayer(binaries=(sh,)))
    files = [path for path in made.rglob("*") if path.is_file()]
    loader = next(path for path in files if path.name.startswith("ld-linux"))
    places = ":".join(sorted({str(path.parent) for path in files}))
    command = [loader, "--inhibit-cache", "--library-path", places, sh, "-c", "echo works"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("works\n", "")


def test_a_static_program_needs_nothing(tmp_path: Path):
    program = tmp_path / "static"
    elf = init_elf_for(os.uname().machine)
    assert elf is not None
    program.write_bytes(elf)
    assert closure([str(program)]) == []


def test_a_library_that_is_missing_is_named_with_where_it_was_looked_for(tmp_path: Path):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler to make such a binary with")
    (tmp_path / "lib.c").write_text("int f(void) { return 0; }")
    (tmp_path / "main.c").write_text("int f(void); int main(void) { return f(); }")
    library, program = tmp_path / "libgone.so", tmp_path / "main"
    subprocess.run([compiler, "-shared", "-o", library, tmp_path / "lib.c"], check=True)
    here = "-Wl,-rpath,$ORIGIN"
    subprocess.run([compiler, "-o", program, tmp_path / "main.c", library, here], check=True)
    assert str(library) in {os.path.realpath(path) for path in closure([str(program)])}
    library.unlink()
    with pytest.raises(InputError, match=r"main: needs .*libgone\.so, which is in none of"):
        closure([str(program)])


def test_a_variable_goes_before_what_the_binary_says_of_itself(tmp_path: Path):
    """``LD_LIBRARY_PATH`` goes before ``DT_RUNPATH``, as ld.so(8) has it."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler to make such a binary with")
    (tmp_path / "lib.c").write_text("int f(void) { return 0; }")
    (tmp_path / "main.c").write_text("int f(void); int main(void) { return f(); }")
    libraries = [tmp_path / name / "libhere.so" for name in ("own", "first")]
    for library in libraries:
        library.parent.mkdir()
        subprocess.run([compiler, "-shared", "-o", library, tmp_path / "lib.c"], check=True)
    program, directory = tmp_path / "main", libraries[0].parent
    # By its path, the library would be found whatever is said; so it is asked for by its name.
    how = [f"-L{directory}", "-lhere", f"-Wl,--enable-new-dtags,-rpath,{directory}"]
    subprocess.run([compiler, "-o", program, tmp_path / "main.c", *how], check=True)
    variable = [str(libraries[1].parent), ""]

    first = closure([str(program)], variable)
    own = closure([str(program)])

    assert [path for path in own if "libhere" in path] == [str(libraries[0])]
    assert [path for path in first if "libhere" in path] == [str(libraries[1])]


@pytest.mark.parametrize(
    ("name", "words"), [("a.py", "a.py: not an ELF file"), ("gone", "gone: No such file")]
)
def test_what_is_no_binary_is_told(tree, nothing_half_made, name, words):
    with pytest.raises(InputError, match=words):
        tree(SharedLibrariesLayer(binaries=(name,)))
    nothing_half_made()
