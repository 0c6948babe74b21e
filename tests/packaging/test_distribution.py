"""What is built, what is in it, and that each way of installing it gives what the README promises."""

import email
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2]
PROJECT = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
PROGRAMS = (
    "cargo-maelstrom",
    "maelstrom",
    "maelstrom-admin",
    "maelstrom-broker",
    "maelstrom-go-test",
    "maelstrom-pytest",
    "maelstrom-run",
    "maelstrom-worker",
)


def run(command: Sequence[str | Path], **options) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        **options,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is committed or about to be, without what lies around it."""
    directory = tmp_path_factory.mktemp("checkout") / "project"
    listed = run(["git", "-C", HERE, "ls-files", "-z", "--cached"])
    for name in filter(None, listed.split("\0")):
        if (HERE / name).exists():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_bytes((HERE / name).read_bytes())
            (directory / name).chmod((HERE / name).stat().st_mode)
    return directory


@pytest.fixture(scope="session")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel that is built out of it."""
    out = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--outdir", out, checkout])
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


def python_files(directory: Path) -> set[str]:
    shelves = {"runners", "daemons"}
    found = set()
    for path in directory.rglob("*.py"):
        parts = path.relative_to(directory).parts
        parts = parts[1:] if parts[0] in shelves else parts
        if parts[0].startswith(("maelstrom_", "pytest_maelstrom")):
            found.add("/".join(parts))
    return found


def test_the_wheel_has_every_module_and_nothing_else(built, checkout):
    with zipfile.ZipFile(built[1]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {name for name in names if name.endswith(".py")} == python_files(checkout)
    tops = {name.partition("/")[0] for name in names}
    assert tops.isdisjoint({"tests", "runners", "daemons", "bench", "docs", "examples"})
    for top in tops:
        assert f"{top}/py.typed" in names


def test_the_stubs_assembly_and_machine_code_are_in_the_wheel(built, checkout):
    directory = checkout / "maelstrom_core" / "container" / "stub"
    files = [path for path in directory.iterdir() if path.is_file()]
    wanted = {f"maelstrom_core/container/stub/{path.name}" for path in files}
    with zipfile.ZipFile(built[1]) as wheel:
        assert wanted <= set(wheel.namelist())


def test_the_files_of_the_broker_s_page_are_in_the_wheel(built, checkout):
    directory = checkout / "daemons" / "maelstrom_broker" / "web"
    files = [path.name for path in directory.iterdir() if path.suffix in (".css", ".js", ".svg")]
    assert len(files) == 3
    with zipfile.ZipFile(built[1]) as wheel:
        assert {f"maelstrom_broker/web/{name}" for name in files} <= set(wheel.namelist())


def test_the_sdist_has_what_is_needed_to_build_and_to_test(built):
    with tarfile.open(built[0]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE-MIT", "tox.ini"} <= names
    assert "tests/architecture/rules.toml" in names
    assert "examples/first_run" in names


def test_the_metadata_says_what_pyproject_says(built):
    with zipfile.ZipFile(built[1]) as wheel:
        (metadata,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
        (points,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
        said = email.message_from_bytes(wheel.read(metadata))
        entry_points = wheel.read(points).decode()
        licences = [name for name in wheel.namelist() if "LICENSE" in name]
    assert said["Name"] == PROJECT["name"]
    assert said["Requires-Python"] == PROJECT["requires-python"]
    assert set(said.get_all("Provides-Extra", [])) == set(PROJECT["optional-dependencies"])
    assert "maelstrom = pytest_maelstrom.plugin" in entry_points
    assert licences


WAYS = ("wheel", "sdist", "directory", "editable")


@pytest.fixture(scope="session", params=WAYS)
def installed(request, built, checkout, tmp_path_factory) -> Path:
    """A fresh virtual environment with the project in it; its directory of programs."""
    directory = tmp_path_factory.mktemp(f"venv-{request.param}")
    venv.create(directory, with_pip=True)
    what = {
        "sdist": [built[0]],
        "wheel": [built[1]],
        "directory": [checkout],
        "editable": ["-e", checkout],
    }[request.param]
    pip = [directory / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    run([*pip, "install", "--quiet", *what])
    return directory / "bin"


def elsewhere(tmp_path: Path) -> dict:
    """Neither the checkout nor this environment is near."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PYTEST", "MAELSTROM", "VIRTUAL_ENV", "TOX"))
    }
    return {"cwd": tmp_path, "env": environment}


def test_the_main_job_of_the_readme_works(installed, checkout, tmp_path):
    example = checkout / "examples" / "first_run"
    said = run([installed / "pytest", "-p", "maelstrom", example], **elsewhere(tmp_path))
    assert "every test in its own container" in said
    assert " passed" in said


def test_every_program_is_there_and_explains_itself(installed, tmp_path):
    for program in PROGRAMS:
        assert "usage" in run([installed / program, "--help"], **elsewhere(tmp_path))
        said = run([installed / program, "--version"], **elsewhere(tmp_path))
        assert PROJECT["version"] in said
    assert set(PROJECT["scripts"]) == set(PROGRAMS)


def test_doctor_says_that_containers_work(installed, tmp_path):
    said = run([installed / "maelstrom", "doctor"], **elsewhere(tmp_path))
    assert "Containers work on this host" in said


def test_every_module_can_be_imported(installed, checkout, tmp_path):
    """Those of extras that are not installed are left out by the name that they lack."""
    names = sorted(
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in python_files(checkout)
    )
    code = """if True:
        import importlib, sys
        for name in sys.argv[1:]:
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:
                if error.name not in ("h11", "httpx", "structlog", "zmq", "zstandard"):
                    raise
    """
    run([installed / "python", "-c", code, *names], **elsewhere(tmp_path))


@pytest.mark.parametrize("installed", ["wheel"], indirect=True)
def test_a_runner_of_its_own_is_installed_by_pip_and_has_its_own_program(
    installed, checkout, tmp_path
):
    example, other = (checkout / "examples" / name for name in ("own_runner", "ctest_runner"))
    run([installed / "python", "-m", "pip", "install", "--quiet", example, other])
    demo = shutil.copytree(example / "demo", tmp_path / "demo")
    said = run([installed / "shell-checks", demo], **elsewhere(tmp_path))
    assert "2 passed, 1 skipped" in said
    said = run([installed / "maelstrom-ctest", "--help"], **elsewhere(tmp_path))
    assert "--include" in said and "labels" in said
