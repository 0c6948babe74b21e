"""Files to deploy a cluster with: their own tools read them, and they name options that there are."""

import json
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
CALLS = ("read", "mount", "sethostname", "clone", "unshare", "pivot_root", "bpf")
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


def test_slurm_lets_workers_end_before_it_kills() -> None:
    text = (DEPLOY / "slurm" / "workers.sh").read_text()
    assert "--signal=B:" in text, "to the worker alone, not to its jobs"
    grace = re.search(r"MAELSTROM_WORKER_GRACE=(\d+)", text)
    assert grace is not None
    assert int(grace[1]) < 30, "Slurm kills after KillWait"


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
def test_a_filter_is_made_of_an_engines_own() -> None:
    own = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [
            {"names": ["read", "mount"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["sethostname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
            {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0}]},
            {"names": ["bpf"], "action": "SCMP_ACT_ERRNO"},
        ],
    }
    command = ["jq", "-f", str(DEPLOY / "container" / "namespaces.jq")]
    done = subprocess.run(command, input=json.dumps(own), capture_output=True, text=True)
    made = json.loads(done.stdout)["syscalls"]
    of_call = {name: [one for one in made if name in one["names"]] for name in CALLS}
    assert all(len(found) == 1 for found in of_call.values()), "no rule contradicts another"
    actions = {name: found[0]["action"] for name, found in of_call.items()}
    assert actions == dict.fromkeys(CALLS, "SCMP_ACT_ALLOW") | {"bpf": "SCMP_ACT_ERRNO"}
    assert all(one["names"] for one in made), "engines refuse a rule without names"


def test_there_is_something_to_test() -> None:
    assert len(UNITS) == 4
    assert len(FILES) >= 8
