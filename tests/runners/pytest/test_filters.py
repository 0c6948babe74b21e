"""Filters on the command line: what does not fit is deselected, and the rest runs."""

import pytest

FILES = {
    "pytest.ini": "[pytest]\nmarkers = slow\n    net\n",
    "test_one.py": """
        import pytest

        @pytest.mark.slow
        def test_slow(): pass

        @pytest.mark.parametrize("x", [1, 2])
        def test_quick(x): assert x == 1

        @pytest.mark.slow
        class TestClass:
            def test_method(self): pass
    """,
    "sub/test_two.py": """
        def test_two(): pass
        def test_fails(): assert 0
    """,
}


@pytest.fixture
def directory(project):
    return project(FILES)


def chosen(ran) -> set[str]:
    return {node_id.rpartition("::")[2] for node_id in ran.cases}


@pytest.mark.parametrize(
    ("arguments", "names", "deselected"),
    [
        (["--maelstrom-include=file.globs(sub/**)"], {"test_two", "test_fails"}, 4),
        (
            ["--maelstrom-exclude=markers.contains(slow)", "--maelstrom-exclude=name.eq[test_two]"],
            {"test_quick[1]", "test_quick[2]", "test_fails"},
            3,
        ),
        (
            [
                "--maelstrom-include=node_id.contains(::TestClass::)",
                "--maelstrom-include=own_markers.contains(slow)",
            ],
            {"test_method", "test_slow"},
            4,
        ),
        (["--maelstrom-include=name.eq/test_quick[2]/", "-m", "not slow"], {"test_quick[2]"}, 5),
    ],
)
def test_what_fits_runs_and_the_rest_is_deselected(run, directory, arguments, names, deselected):
    ran = run(directory, *arguments, ours=True)

    assert chosen(ran) == names
    assert f"{deselected} deselected" in ran.out.splitlines()[-1]
    assert f"collected 6 items / {deselected} deselected / {len(names)} selected" in ran.out


def test_nothing_that_fits_ends_as_in_pytest(run, directory):
    ran = run(directory, "--maelstrom-include=none", ours=True)
    plain = run(directory, "-k", "nothing_is_called_so", ours=False)

    assert (ran.code, ran.cases) == (plain.code, {}) == (5, plain.cases)
    assert "6 deselected" in ran.out.splitlines()[-1]


def test_a_faulty_filter_is_told_before_anything_runs(run, directory):
    ran = run(directory, "--maelstrom-exclude=all and nome.equals(x)", ours=True)

    assert ran.code == 4
    assert "unknown selector nome; did you mean name?" in ran.out
    assert "\n    all and nome.equals(x)\n            ^\n" in ran.out
    assert ran.cases == {}
