"""Trees of this host as layers, for machines that have others."""

import os
import socket
from pathlib import Path

import pytest

from maelstrom_core.errors import InputError
from maelstrom_core.layers import make_layers
from maelstrom_core.model.layers import HostTreeLayer
from maelstrom_core.model.manifest import EntryKind
from maelstrom_core.store import Store


def test_a_tree_is_copied_as_it_is_seen_in_place(tmp_path: Path):
    tree = tmp_path / "tree"
    (tree / "empty").mkdir(parents=True, mode=0o711)
    (tree / "program").write_text("#!/bin/sh\n" + "x" * 1000)
    (tree / "program").chmod(0o755)
    (tree / "link").symlink_to("program")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.fspath(tree / "socket"))
    with Store.open(tmp_path / "store") as store:
        made = make_layers(
            [HostTreeLayer(path=os.fspath(tree), target="/opt/x")],
            project_directory=tmp_path,
            store=store,
            trees_in_place=False,
        )
        with made.lease:
            assert made.host_trees == ()
            found = {entry.path: entry for entry in store.manifest(made.digests[0])}
            top = store.tree(made.digests[0]) / "opt/x"
            assert (top / "program").read_bytes() == (tree / "program").read_bytes()
            assert (top / "program").stat().st_mode & 0o7777 == 0o755
    assert set(found) == {b"opt", b"opt/x", b"opt/x/empty", b"opt/x/program", b"opt/x/link"}
    assert found[b"opt/x"].opaque, "what lies below it is not seen, as in place"
    assert found[b"opt/x/empty"].mode == 0o711
    assert (found[b"opt/x/link"].kind, found[b"opt/x/link"].target) == (
        EntryKind.SYMLINK,
        b"program",
    )


def test_a_file_is_a_tree_too(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with Store.open(tmp_path / "store") as store:
        made = make_layers(
            [HostTreeLayer(path=os.fspath(tmp_path / "file"), target="/etc/file")],
            project_directory=tmp_path,
            store=store,
            trees_in_place=False,
        )
        with made.lease:
            assert [entry.path for entry in store.manifest(made.digests[0])] == [
                b"etc",
                b"etc/file",
            ]


def test_what_is_not_there_is_told(tmp_path: Path):
    with Store.open(tmp_path / "store") as store, pytest.raises(InputError) as caught:
        make_layers(
            [HostTreeLayer(path="/not/there"), HostTreeLayer(path="relative")],
            project_directory=tmp_path,
            store=store,
            trees_in_place=False,
        )
    assert caught.value.faults == (
        "layers[0].path: /not/there: No such file or directory",
        "layers[1].path: relative: must be absolute",
    )
