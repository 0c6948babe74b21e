"""Files that are missing, unreadable, vanishing or strange: told by name, or taken as they are."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from maelstrom_core.errors import HostError, InputError
from maelstrom_core.layers import make_layers
from maelstrom_core.model.layers import GlobLayer, HostTreeLayer, PathsLayer, Prefix
from maelstrom_core.store.blobs import Blobs, Changed

AS_NOBODY = """
import json, sys
from pathlib import Path
from maelstrom_core.errors import InputError
from maelstrom_core.layers import make_layers
from maelstrom_core.model.layers import GlobLayer, PathsLayer, TarLayer
from maelstrom_core.store import Store

store, project = map(Path, sys.argv[1:])
said = []
with Store.open(store) as opened:
    for layer in (
        PathsLayer(paths=("a.py",)),
        TarLayer(tar="a.py"),
        GlobLayer(globs=("**",)),
        GlobLayer(globs=("**",), exclude=("a.py", "skip")),
    ):
        try:
            made = make_layers([layer], project_directory=project, store=opened)
            said.append("made")
            made.lease.release()
        except InputError as error:
            said.append("; ".join(error.faults))
print(json.dumps(said))
"""


def test_unreadable_files_and_directories_are_told_by_name(project: Path, tmp_path: Path):
    (project / "a.py").chmod(0)
    (project / "skip").chmod(0)
    command = [sys.executable, "-c", AS_NOBODY, str(tmp_path / "store"), str(project)]
    if os.geteuid() == 0:
        # Root may read everything; in a user namespace without any mapped id it may not.
        command = ["unshare", "--user", *command]
        tried = subprocess.run(["unshare", "--user", "true"], capture_output=True, text=True)
        if tried.returncode:
            pytest.skip(f"root cannot give up its rights here: {tried.stderr}")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    finally:
        (project / "skip").chmod(0o755)
    assert done.returncode == 0, done.stderr
    paths, tar, everything, excluded = json.loads(done.stdout)
    assert paths.startswith("layers[0]")
    assert paths.endswith("a.py: Permission denied")
    assert tar.startswith("layers[0].tar: a.py: ")
    assert "Permission denied" in tar
    assert "a.py: Permission denied" in everything
    assert "skip: Permission denied; make it readable or leave it out" in everything
    assert excluded == "made"


def test_a_file_that_vanishes_while_it_is_packed(project, store, tree, monkeypatch):
    real = Blobs.add_file

    def vanish(self, source, expected):
        if source.endswith(b"c.txt"):
            os.unlink(source)
        return real(self, source, expected)

    monkeypatch.setattr(Blobs, "add_file", vanish)
    with pytest.raises(InputError, match=r"sub/c.txt: No such file or directory"):
        tree(PathsLayer(paths=("a.py", "sub/c.txt")))
    # It is gone now: asked for by name it is missing, and by a glob it was never there.
    with pytest.raises(InputError, match=r"paths\[0\]: sub/c.txt: No such file"):
        tree(PathsLayer(paths=("sub/c.txt",)))
    assert not (tree(GlobLayer(globs=("**",))) / "sub/c.txt").exists()


def test_a_file_that_is_written_while_it_is_packed_is_read_again(project, tree, monkeypatch):
    real = Blobs.add_file
    times = []

    def touched(self, source, expected):
        if source.endswith(b"c.txt") and len(times) < 2:
            times.append(1)
            with open(source, "ab") as file:
                file.write(b"more")
            os.utime(source, ns=(len(times), len(times)))
        return real(self, source, expected)

    monkeypatch.setattr(Blobs, "add_file", touched)
    assert (tree(GlobLayer(globs=("**",))) / "sub/c.txt").read_text() == "sub/c.txtmoremore"


def test_a_file_that_never_stands_still_is_given_up_with_what_to_do(tree, monkeypatch):
    def changed(self, source, expected):
        raise Changed

    monkeypatch.setattr(Blobs, "add_file", changed)
    with pytest.raises(HostError, match="changes faster") as caught:
        tree(PathsLayer(paths=("a.py",)))
    assert "stop what writes to it" in caught.value.remedy


def test_sockets_are_left_out_and_fifos_are_kept(project, names):
    os.mkfifo(project / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        before = os.getcwd()
        os.chdir(project)  # a socket's path may be 107 bytes long
        try:
            listening.bind("socket")
        finally:
            os.chdir(before)
        found = names(GlobLayer(globs=("**",)))
    assert "fifo" in found
    assert "socket" not in found


def test_links_that_go_round_in_circles_end(project, names):
    (project / "sub" / "up").symlink_to("..")
    (project / "self").symlink_to("self")
    assert {"sub/up", "self"} <= names(GlobLayer(globs=("**",)))
    followed = GlobLayer(globs=("**/*.py",), prefix=Prefix(follow_symlinks=True))
    with pytest.raises(InputError, match=r"self: Too many levels of symbolic links"):
        names(followed)
    (project / "self").unlink()
    assert {"a.py", "sub/b.py"} <= names(followed)


@pytest.mark.parametrize("layer", [PathsLayer(paths=("na\udcefve",)), GlobLayer(globs=("na*",))])
def test_names_that_are_not_utf_8_are_taken_as_they_are(project, tree, layer):
    name = b"/na\xefve"
    with open(os.fsencode(project) + name, "wb") as file:
        file.write(b"x" * 1000)
    with open(os.fsencode(tree(layer)) + name, "rb") as file:
        assert file.read() == b"x" * 1000


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (PathsLayer(paths=("gone",)), r"layers\[0\]\.paths\[0\]: gone: No such file"),
        (PathsLayer(paths=("a.py/below",)), r"paths\[0\]: a.py/below: Not a directory"),
        (PathsLayer(paths=("a\0b",)), r"paths\[0\]: .*null"),
        (GlobLayer(root="gone", globs=("**",)), r"glob: .*gone: No such file"),
        (GlobLayer(root="a.py", globs=("**",)), r"glob: .*a.py: Not a directory"),
        (HostTreeLayer(path="relative"), "must be absolute"),
        (HostTreeLayer(path="/not/there"), "/not/there: No such file"),
        (PathsLayer(paths=("/dev/null",)), "a device cannot be part of a layer"),
    ],
)
def test_what_is_not_there_is_told_by_name(tree, nothing_half_made, layer, words):
    with pytest.raises(InputError, match=words):
        tree(layer)
    nothing_half_made()


def test_the_faults_of_all_layers_are_told_together(project, store, nothing_half_made):
    layers = [PathsLayer(paths=("gone", "a.py")), GlobLayer(root="gone too", globs=("**",))]
    with pytest.raises(InputError) as caught:
        make_layers(layers, project_directory=project, store=store)
    assert [fault.partition(":")[0] for fault in caught.value.faults] == [
        "layers[0].paths[0]",
        "layers[1].glob",
    ]
    nothing_half_made()
