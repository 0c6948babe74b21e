"""Files to deploy a cluster with: their own tools read them, and they name options that there are."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from maelstrom_admin import cli as admin
from maelstrom_broker.settings import schema as broker_schema
from maelstrom_worker.settings import schema as worker_schema

DEPLOY = Path(__file__).parents[2] / "examples" / "deploy"
UNITS = sorted(path.relative_to(DEPLOY) for path in DEPLOY.glob("systemd/*/*.service"))
FILES = sorted(
    path.relative_to(DEPLOY) for path in DEPLOY.rglob("*") if path.is_file() and path.suffix
)
SCHEMAS = {
    "MAELSTROM_BROKER": broker_schema,
    "MAELSTROM_WORKER": worker_schema,
    "MAELSTROM_ADMIN": admin.schema,
}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=str)
def test_systemd_understands_its_units(unit: Path, tmp_path: Path) -> None:
    # It wants the program to be there; everything else is looked at as it is.
    text = re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", (DEPLOY / unit).read_text())
    copy = tmp_path / unit.name
    copy.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True
    )
    told = [line for line in (done.stdout + done.stderr).splitlines() if unit.name in line]
    assert not told


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_the_script_of_slurm_can_be_read() -> None:
    script = DEPLOY / "slurm" / "workers.sh"
    assert subprocess.run(["bash", "-n", str(script)], capture_output=True).stderr == b""
    asked = subprocess.run(["bash", str(script)], capture_output=True, text=True)
    assert "usage: sbatch workers.sh" in asked.stderr


@pytest.mark.parametrize("file", FILES, ids=str)
def test_variables_are_those_of_settings(file: Path) -> None:
    found = set(re.findall(r"MAELSTROM_[A-Z_]+", (DEPLOY / file).read_text()))
    known = {"MAELSTROM_BROKER"}  # of every client
    for prefix, schema in SCHEMAS.items():
        known |= {f"{prefix}_{field.name.upper().replace('-', '_')}" for field in schema()}
    assert found <= known


def test_there_is_something_to_test() -> None:
    assert len(UNITS) == 4
    assert len(FILES) >= 8
