"""Globs that obey .gitignore take what git itself would not ignore."""

import shutil
import subprocess
from pathlib import Path

import pytest

from maelstrom_core.model.layers import GlobLayer

FILES = (
    "a.log keep.log build/out build/keep sub/a.log sub/build/x sub/deep/er/y.tmp doc/a.txt "
    "doc/b/c.txt doc/b/d.md spaced\\ name with/#hash with/!bang top only/top vendor/x/y vendor/z"
).replace("\\ ", "\0")
RULES = {
    "names and patterns": {".gitignore": "*.log\n!keep.log\n*.tmp\n"},
    "directories": {".gitignore": "build/\n/top\n"},
    "deeper files decide": {".gitignore": "*.log\n", "sub/.gitignore": "!a.log\nbuild\n"},
    "two stars": {".gitignore": "doc/**/*.txt\n**/deep\nvendor/**\n!vendor/z\n"},
    "what is excluded with its directory stays so": {".gitignore": "build/\n!build/keep\n"},
    "comments, blanks and escapes": {".gitignore": "# all\n\n\\#hash\nwith/\\!bang\nspaced*\n  \n"},
    "anchors": {".gitignore": "/sub/a.log\nonly/top\n", "doc/.gitignore": "/a.txt\nb/*\n!b/d.md\n"},
}


@pytest.mark.parametrize("kind", RULES)
def test_the_same_files_as_git(project: Path, names, kind):
    if shutil.which("git") is None:
        pytest.skip("git is not installed: there is nothing to compare with")
    shutil.rmtree(project)
    for name in FILES.split():
        path = project / name.replace("\0", " ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    for name, text in RULES[kind].items():
        (project / name).write_text(text)
    git = ["git", "-c", "core.excludesFile=/dev/null", "-C", str(project)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    )
    wanted = {name for name in listed.stdout.split("\0") if name}
    found = names(GlobLayer(globs=("**",), exclude=(".git",), gitignore=True))
    assert {name for name in found if (project / name).is_file()} == wanted
