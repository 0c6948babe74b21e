"""Layers that programs make, above the project's snapshot or without it."""

from pathlib import Path

import pytest

FILE = """
[[directives]]
added_layers = [
    {{ paths = ["asked.txt"], prepend_prefix = "/deps" }},
    {{ command = ["sh", "-c", '''
        mkdir /made; cat /deps/asked.txt > /made/it; date +%N >> /made/it
        test -e {project}/test_it.py && echo sees it >> /made/it; true
    '''], project = {sees} }},
]
"""
TEST = """
import os, pathlib, shutil
def test_it():
    shutil.copy("/made/it", os.environ["MAELSTROM_OUTPUT"])
    assert pathlib.Path("other.txt").read_text() == "NUMBER"
"""


@pytest.mark.parametrize("sees", [True, False])
def test_an_edit_runs_the_program_anew_only_if_it_sees_the_project(project, run, tmp_path, sees):
    directory: Path = project({"pytest.ini": "[pytest]\n", "asked.txt": "a package\n"})
    text = FILE.format(project=directory, sees=str(sees).lower())
    (directory / "maelstrom-pytest.toml").write_text(text)
    made = []
    for number in range(2):
        (directory / "test_it.py").write_text(TEST.replace("NUMBER", str(number)))
        (directory / "other.txt").write_text(str(number))
        out = tmp_path / f"out-{number}"
        ran = run(directory, f"--maelstrom-output={out}", ours=True)
        assert ran.code == 0, ran.out
        (copy,) = out.rglob("it")
        made.append(copy.read_text())

    assert (made[0] == made[1]) is not sees
    for one in made:
        assert one.startswith("a package\n")
        assert one.endswith("sees it\n") is sees
