"""Which tests run, and from where: as plain pytest has it."""

import pytest

FILES = {
    "pytest.ini": "[pytest]\nmarkers = slow\n    quick\n",
    "test_one.py": """
        import pytest

        @pytest.mark.slow
        def test_slow(): pass

        @pytest.mark.quick
        @pytest.mark.parametrize("x", [1, 2])
        def test_quick(x): assert x == 1

        class TestClass:
            def test_method(self): pass
    """,
    "sub/test_two.py": """
        def test_two(): pass
        def test_fails(): assert 0
    """,
}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-m", "not slow"],
        ["-k", "nothing_is_called_so"],
        ["test_one.py::test_quick[2]", "sub"],
        ["--deselect", "test_one.py::TestClass", "--deselect", "sub/test_two.py::test_fails"],
        ["--ignore", "sub", "-q"],
        ["--ignore-glob", "*one*", "-v"],
        ["-o", "python_functions=test_t*"],
        ["not_there.py"],
        ["test_one.py::not_there"],
        ["--no-such-option"],
        ["-m", "a syntax error("],
        ["--strict-markers", "-m", "unknown"],
        ["--pyargs", "json.tool"],
    ],
    ids=" ".join,
)
def test_the_same_cases_run(project, both, arguments):
    both(project(FILES), *arguments)


@pytest.mark.parametrize("arguments", [["-x"], ["--maxfail=2"]])
def test_stopping_early_stops(project, run, arguments):
    """Which cases ran by then is a matter of order; how many failed is not, nor is the exit."""
    directory = project(FILES)
    one_slot = "--maelstrom-slots=1"
    plain = run(directory, "-p", "no:cacheprovider", *arguments, ours=False)
    ours = run(directory, "-p", "no:cacheprovider", *arguments, one_slot, ours=True)
    assert ours.code == plain.code

    def failures(ran) -> int:
        return sum(kinds.count("failed") for kinds in ran.cases.values())

    assert failures(ours) == failures(plain)
    assert "stopping after" in ours.out


def test_other_directories_and_other_configurations(project, both):
    directory = project(
        {
            **FILES,
            "other.ini": "[pytest]\npython_files = check_*.py\nmarkers = slow\n",
            "sub/check_this.py": "def test_checked(): pass",
        }
    )
    both(directory, "-c", "other.ini")
    both(directory, "--rootdir", "sub", "sub")
    both(directory / "sub", "..", "-k", "two or method")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pytest.ini", "[pytest]\npython_files = check_*.py\n"),
        ("tox.ini", "[pytest]\npython_files = check_*.py\n"),
        ("setup.cfg", "[tool:pytest]\npython_files = check_*.py\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\npython_files = ["check_*.py"]\n'),
        ("pyproject.toml", '[tool.pytest]\npython_files = ["check_*.py"]\n'),
    ],
)
def test_every_kind_of_configuration_file_is_read(project, both, file, text):
    names = {"check_it.py": "def test_it(): pass", "test_not.py": "def test_not(): assert 0"}
    plain, _ = both(project({file: text, **names}))
    assert list(plain.cases) == ["check_it.py::test_it"]


@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
def test_conftests_at_several_levels_and_each_way_of_importing(project, both, mode):
    directory = project(
        {
            "pytest.ini": "[pytest]\npythonpath = src\n",
            "src/package/__init__.py": "VALUE = 1",
            "conftest.py": """
                import pytest
                @pytest.fixture
                def where(): return "top"
                @pytest.fixture(autouse=True)
                def seen(request): request.node.user_properties.append(("seen", 1))
            """,
            "tests/__init__.py": "",
            "tests/conftest.py": """
                import pytest
                @pytest.fixture
                def where(where): return where + " middle"
                def pytest_collection_modifyitems(items): items.reverse()
            """,
            "tests/deep/__init__.py": "",
            "tests/deep/conftest.py": """
                import pytest
                @pytest.fixture
                def where(where): return where + " deep"
            """,
            "tests/deep/test_deep.py": """
                import package
                def test_where(where): assert where == "top middle deep"
                def test_package(): assert package.VALUE == 1
            """,
            "tests/test_middle.py": """
                def test_where(where): assert where == "top middle"
            """,
            "test_top.py": """
                def test_where(where): assert where == "top"
            """,
        }
    )
    plain, _ = both(directory, f"--import-mode={mode}")
    assert len(plain.cases) == 4
    assert plain.code == 0
