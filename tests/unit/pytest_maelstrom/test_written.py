"""What a process writes is known, by whatever call."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import json, os, pathlib, shutil, sqlite3, sys, tempfile
from pytest_maelstrom.written import note_writes
open("before", "w").close()
written = note_writes()
open("read").read()
os.listdir(".")
open("opened", "a").close()
os.close(os.open("created", os.O_CREAT | os.O_WRONLY))
pathlib.Path("made/deep").mkdir(parents=True)
os.chdir("made")
pathlib.Path("deep/text").write_text("x")
os.chdir("..")
open("first", "wb").close()
os.replace("first", "second")
shutil.copy("read", "copied")
sqlite3.connect("data").close()
os.remove("read")
sys.stdout.write(json.dumps(sorted(os.path.relpath(one) for one in written())))
"""


def test_writes_are_noted(tmp_path: Path) -> None:
    (tmp_path / "read").write_text("")
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    written = set(json.loads(done.stdout))
    files = {"opened", "created", "made", "made/deep", "made/deep/text", "first", "second"}
    assert files | {"copied", "data", "data-journal", "read"} <= written
    assert not {"before", "."} & written
