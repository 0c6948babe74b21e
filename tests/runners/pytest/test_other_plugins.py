"""Other plugins of an environment work in containers as they do plainly."""

import os

import pytest


def test_hypothesis_finds_what_it_finds_plainly(project, both, monkeypatch):
    pytest.importorskip("hypothesis", reason="hypothesis is not installed")
    others = os.environ["PYTEST_ADDOPTS"].replace("-p no:hypothesispytest", "")
    monkeypatch.setenv("PYTEST_ADDOPTS", others)
    directory = project(
        {
            # It warns of random numbers of ours if it cannot see who keeps them.
            "pytest.ini": "[pytest]\nfilterwarnings = error\n",
            "test_it.py": """
                from hypothesis import given, settings, strategies as some

                @settings(derandomize=True)
                @given(some.integers())
                def test_holds(number): assert number + 0 == number

                @settings(derandomize=True)
                @given(some.integers())
                def test_does_not_hold(number): assert number < 1000
            """,
        }
    )
    plain, ours = both(directory)
    assert plain.cases["test_it.py::test_holds"] == ["passed"]
    for ran in plain, ours:
        assert "number=1000" in ran.out


def test_a_plugin_of_the_project_itself_is_loaded_once_and_by_its_options(project, both):
    directory = project(
        {
            "pytest.ini": "[pytest]\naddopts = -p own_plugin\npythonpath = .\n",
            "own_plugin.py": """
                import pytest

                def pytest_addoption(parser):
                    parser.addoption("--colour", default="red")

                @pytest.fixture
                def colour(request):
                    return request.config.getoption("--colour")
            """,
            "test_it.py": "def test_it(colour): assert colour == 'blue'\n",
        }
    )
    plain, _ = both(directory)
    assert plain.code == 1
    plain, _ = both(directory, "--colour=blue")
    assert plain.code == 0
