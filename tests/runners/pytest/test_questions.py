"""What can be asked instead of a run: what holds, and how a test's container would be made."""

import re
from pathlib import Path

import pytest

FILES = {
    "pytest.ini": "[pytest]\n",
    "test_it.py": """
        import pathlib
        def test_it(): pathlib.Path(__file__).with_name("ran").touch()
    """,
}


@pytest.mark.parametrize("ours", [True, False], ids=["asked for", "not asked for"])
def test_settings_are_shown_with_where_they_come_from_and_no_test_runs(
    project, run, tmp_path, ours
):
    directory = project(FILES)
    file = tmp_path / "own.toml"
    file.write_text('network = "disabled"\n')
    ran = run(
        directory,
        "--maelstrom-print-config",
        "--maelstrom-slots=3",
        f"--maelstrom-config-file={file}",
        ours=ours,
        MAELSTROM_PYTEST_TIMEOUT="2m",
        MAELSTROM_ROOT_SIZE="64MiB",
    )
    lines = [re.sub(" +", " ", line) for line in ran.out.splitlines()]
    for line in (
        "slots = 3 # command line",
        'timeout = "2m" # $MAELSTROM_PYTEST_TIMEOUT',
        'root-size = "64MiB" # $MAELSTROM_ROOT_SIZE',
        f'network = "disabled" # {file}',
        'interpreter = "auto" # default',
    ):
        assert line in lines, ran.out
    assert ran.code == 0
    assert not (directory / "ran").exists()


@pytest.mark.parametrize("ours", [True, False], ids=["asked for", "not asked for"])
def test_the_plan_of_a_tests_container_is_shown_and_no_test_runs(project, run, tmp_path, ours):
    directory = project(FILES)
    ran = run(
        directory,
        "--maelstrom-explain",
        "--maelstrom-root-size=7MiB",
        "--maelstrom-network=disabled",
        ours=ours,
    )
    assert f"root        writable, {7 << 20} bytes, gone with the job" in ran.out
    assert "network     disabled" in ran.out
    assert f"a snapshot of {directory}: **" in ran.out
    assert re.search(r"^mount +/usr \(bind ro of /usr\)$", ran.out, re.MULTILINE)
    assert re.search(r"^ +\d+\. drop capabilities: capset\(", ran.out, re.MULTILINE)
    assert ran.code == 0
    assert "test session starts" not in ran.out
    assert not (directory / "ran").exists()
    assert not list(Path(tmp_path, "state").glob("*"))


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (["--maelstrom-slots=0"], {}, "command line: slots: '0' must be at least 1"),
        ([], {"MAELSTROM_PYTEST_SLOT": "3"}, "$MAELSTROM_PYTEST_SLOT: slot: unknown; did you mean"),
        (["--maelstrom-network=lokal"], {}, "must be one of loopback, disabled, local"),
        (["--maelstrom-config-file=/not/there"], {}, "/not/there: No such file"),
    ],
)
def test_wrong_settings_are_told_and_no_test_runs(project, run, arguments, variables, words):
    directory = project(FILES)
    ran = run(directory, *arguments, ours=True, **variables)
    assert ran.code == 4
    assert words in ran.out
    assert "Traceback" not in ran.out
    assert not (directory / "ran").exists()
