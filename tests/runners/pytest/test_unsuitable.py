"""Options that cannot mean here what they mean plainly: said, with what to do instead."""

import pytest

SUITE = {"pytest.ini": "[pytest]\n", "test_it.py": "def test_it(): print('spoken')\n"}


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["--benchmark-only"], "--benchmark-only"),
        (["--benchmark-enable", "-s"], "--benchmark-enable"),
    ],
)
def test_what_cannot_be_done_yet_is_refused_with_what_to_do(project, run, arguments, option):
    ran = run(project(SUITE), *arguments, ours=True)
    assert ran.code == 4, ran.out
    assert f"maelstrom: {option}" in ran.out
    assert "without -p maelstrom" in ran.out
    assert not ran.cases


def test_xdists_distribution_is_taken_over_with_a_note(project, run):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    ran = run(project(SUITE), "-n", "3", ours=True)
    assert ran.code == 0
    assert "container, 3 at once" in ran.out
    assert "workers" not in ran.out
    assert "-n is taken over" in ran.out
    assert ran.cases == {"test_it.py::test_it": ["passed"]}
