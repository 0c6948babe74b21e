"""A case that leans on what only another file of tests imports finds it, as in a plain run."""


def test_a_submodule_that_another_file_has_imported_is_there(project, both):
    directory = project(
        {
            "pytest.ini": "[pytest]\npythonpath = .\n",
            "package/__init__.py": "",
            "package/hidden.py": "VALUE = 1",
            "package/breaks.py": "import sys\nif 'test_imports' not in sys.modules: 1 / 0",
            "test_imports.py": "import package.hidden, package.breaks\ndef test_it(): pass\n",
            "test_leans.py": "import package\ndef test_it(): assert package.hidden.VALUE == 1\n",
            "test_else.py": "import sys\ndef test_it(): assert 'package' not in sys.modules or 1\n",
        }
    )
    plain, _ = both(directory)
    assert plain.code == 0
