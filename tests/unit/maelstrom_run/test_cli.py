"""What the program says without running anything; in this process, since no container is needed."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from maelstrom_run.cli import main


@attrs.frozen
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Run the program in a directory of the test's own; nobody's settings are read."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def run_it(*arguments: str) -> Said:
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Said(code, *capsys.readouterr())

    return run_it


def test_what_is_planned_is_explained_and_nothing_is_run(
    run: Callable[..., Said], tmp_path: Path
) -> None:
    mount = {"type": "bind", "mount_point": "/here", "local_path": "."}
    job = {
        "program": "sh",
        "arguments": ["-c", "touch /here/made"],
        "label": "l",
        "added_mounts": [mount],
        "stdin": "abc",
        "outputs": "*.x",
    }
    (tmp_path / "job.json").write_text(json.dumps(job))

    ran = run("--explain", "-f", "job.json")

    assert ran.code == 0
    for line in (
        "job 1 (l)",
        "command     sh -c 'touch /here/made'",
        "directory   /tmp",
        "variable    HOME=/tmp",
        "stdin       3 bytes",
        "output      *.x",
        f"mount       /here (bind of {tmp_path})",
    ):
        assert line in ran.out.splitlines()
    assert re.search(r"^ +\d+\. .+: pivot_root\(", ran.out, re.M)
    assert not (tmp_path / "made").exists()


def test_a_starter_can_be_used_as_it_is_and_with_all_its_examples(
    run: Callable[..., Said], tmp_path: Path
) -> None:
    assert run("--init").code == 0
    again = run("--init")
    assert (again.code, "is there already" in again.err) == (4, True)
    alone = run("-f", "maelstrom-run.toml", "--explain")
    assert (alone.code, alone.out.count("command ")) == (0, 1)

    path = tmp_path / "maelstrom-run.toml"
    (tmp_path / "input.txt").touch()
    path.write_text(path.read_text().replace("#: ", ""))
    ran = run("-f", "maelstrom-run.toml", "--explain")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("command ") == 4


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["-f", "nowhere.json"], 4, "nowhere.json: No such file or directory"),
        (["-f", "."], 4, ".: Is a directory"),
        (["--slots=none"], 4, "command line: slots: 'none' must be a whole number"),
        (["program"], 2, "a program and its arguments are for --one"),
        (["--one", "--live"], 2, "--live and --json are for many"),
        (["--stdin"], 2, "--stdin is for --one"),
        (["--containers=nowhere"], 4, "nowhere: No such file or directory"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_for_is_refused(
    run: Callable[..., Said], arguments: list[str], code: int, told: str
) -> None:
    ran = run(*arguments)

    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err


def test_settings_have_the_program_s_own_variables(
    run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAELSTROM_RUN_READ_AHEAD", "7")
    monkeypatch.setenv("MAELSTROM_SLOTS", "3")
    ran = run("--print-config", "--timeout=2m")

    assert ran.code == 0
    assert re.search(r"^read-ahead += 7  # \$MAELSTROM_RUN_READ_AHEAD$", ran.out, re.M)
    assert re.search(r"^slots += 3  # \$MAELSTROM_SLOTS$", ran.out, re.M)
    assert re.search(r'^timeout += "2m"  # command line$', ran.out, re.M)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("j.json", "", "there is no job"),
        ("j.json", '{"containers": {}}', "there is no job"),
        (
            "j.json",
            '{"programm": "x"}',
            "object 1, line 1 of j.json, cannot be used:\n  programm: ",
        ),
        ("j.json", '\n{"program": ]}', "the job cannot be used:\n  line 2: no JSON: "),
        ("j.toml", "jobs = [{ programm = 1 }]", "j.toml cannot be used:\n  jobs[0].programm: "),
        ("j.toml", "jobs = [", "j.toml cannot be used:\n  j.toml: "),
    ],
)
def test_there_must_be_a_job_for_one(
    run: Callable[..., Said], tmp_path: Path, name: str, text: str, told: str
) -> None:
    (tmp_path / name).write_text(text)

    ran = run("--one", "-f", name)

    assert (ran.code, ran.out) == (4, "")
    assert told in ran.err


def test_a_file_of_containers_has_no_jobs(run: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "j.json").write_text('{"program": "x"}')

    ran = run("--containers=j.json", "-f", "j.json")

    assert (ran.code, ran.out) == (4, "")
    assert "j.json cannot be used:\n  it has jobs" in ran.err
