"""Options that cannot mean here what they mean plainly: said, with what to do instead."""

import pytest

SUITE = {"pytest.ini": "[pytest]\n", "test_it.py": "def test_it(): print('spoken')\n"}


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["--pdb"], "--pdb"),
        (["--trace"], "--trace"),
        (["--pdb", "-s"], "--pdb"),
    ],
)
def test_what_cannot_be_done_yet_is_refused_with_what_to_do(project, run, arguments, option):
    ran = run(project(SUITE), *arguments, ours=True)
    assert ran.code == 4, ran.out
    assert f"maelstrom: {option}" in ran.out
    assert "without -p maelstrom" in ran.out
    assert not ran.cases


def test_debugging_asked_for_by_a_project_is_left_to_plain_runs(project, run):
    directory = project({**SUITE, "pytest.ini": "[pytest]\naddopts = --pdb\n"})
    ran = run(directory, ours=True)
    assert ran.code == 4
    assert "maelstrom: --pdb" in ran.out


def test_a_breakpoint_does_not_hang(project, run):
    ran = run(
        project({"pytest.ini": "[pytest]\n", "test_it.py": "def test_it(): breakpoint()\n"}),
        "--maelstrom-timeout=20",
        ours=True,
    )
    assert ran.code == 1
    assert ran.cases == {"test_it.py::test_it": ["failed"]}
    assert "timed out" not in ran.out


def test_xdists_distribution_is_taken_over_with_a_note(project, run):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    ran = run(project(SUITE), "-n", "3", ours=True)
    assert ran.code == 0
    assert "container, 3 at once" in ran.out
    assert "workers" not in ran.out
    assert "-n is taken over" in ran.out
    assert ran.cases == {"test_it.py::test_it": ["passed"]}
