"""Options that cannot mean here what they mean plainly: said, with what to do instead."""

import pytest

SUITE = {"pytest.ini": "[pytest]\n", "test_it.py": "def test_it(): print('spoken')\n"}


def test_xdists_distribution_is_taken_over_with_a_note(project, run):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    ran = run(project(SUITE), "-n", "3", ours=True)
    assert ran.code == 0
    assert "container, 3 at once" in ran.out
    assert "workers" not in ran.out
    assert "-n is taken over" in ran.out
    assert ran.cases == {"test_it.py::test_it": ["passed"]}
