"""Tests of an installed package, outside of pytest's root directory: their ids name no file."""

import pytest

PACKAGE = {
    "project/pytest.ini": "[pytest]",
    "elsewhere/pack/__init__.py": "",
    "elsewhere/pack/test_one.py": "def test_it(): pass\ndef test_that_fails(): assert False",
    "elsewhere/pack/sub/__init__.py": "",
    "elsewhere/pack/sub/test_two.py": """
        import pytest
        @pytest.mark.parametrize("n", [1, 2])
        def test_it(n): assert n == 1
        """,
}


@pytest.mark.parametrize("isolation", ["template", "fresh"])
@pytest.mark.parametrize("names", [["pack"], ["pack.test_one", "pack.sub.test_two"]], ids=len)
def test_installed_tests_end_as_plainly(project, both, isolation, names):
    directory = project(PACKAGE)
    elsewhere = str(directory / "elsewhere")

    plain, _ = both(
        directory / "project",
        "--pyargs",
        *names,
        f"--maelstrom-isolation={isolation}",
        PYTHONPATH=elsewhere,
    )

    assert sorted(one for found in plain.cases.values() for one in found) == [
        "failed",
        "failed",
        "passed",
        "passed",
    ]
