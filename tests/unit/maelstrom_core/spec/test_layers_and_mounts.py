"""Layers and mounts as people write them."""

from typing import Any

import pytest

from maelstrom_core.model.container import Bind, Devices, Devpts, Mount, Mqueue, Proc, Sys, Tmp
from maelstrom_core.model.layers import (
    GlobLayer,
    HostTreeLayer,
    LayerSpec,
    PathsLayer,
    Prefix,
    SharedLibrariesLayer,
    StubsLayer,
    Symlink,
    SymlinksLayer,
    TarLayer,
)
from maelstrom_core.spec.layers import layer
from maelstrom_core.spec.mounts import mount
from maelstrom_core.spec.reading import Place, Reader


def read(reader: Reader, written: object) -> tuple[Any, list[str]]:
    place = Place("it", [])
    return place.read(reader, written), place.faults


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"tar": "a.tar"}, TarLayer(tar="a.tar")),
        ({"glob": "**.py"}, GlobLayer(globs=("**.py",))),
        (
            {"glob": ["a", "b"], "root": "/opt", "exclude": "c", "gitignore": True},
            GlobLayer(globs=("a", "b"), root="/opt", exclude=("c",), gitignore=True),
        ),
        (
            {"paths": ["a"], "optional": True, "strip_prefix": "s", "prepend_prefix": "/p"},
            PathsLayer(paths=("a",), optional=True, prefix=Prefix(strip="s", prepend="/p")),
        ),
        (
            {"paths": ["a"], "follow_symlinks": True, "canonicalize": True},
            PathsLayer(paths=("a",), prefix=Prefix(follow_symlinks=True, canonicalize=True)),
        ),
        ({"stubs": ["/{proc,sys}/"]}, StubsLayer(stubs=("/{proc,sys}/",))),
        (
            {"symlinks": [{"link": "/a", "target": "b"}]},
            SymlinksLayer(symlinks=(Symlink("/a", "b"),)),
        ),
        (
            {"shared_library_dependencies": ["/bin/sh"], "prepend_prefix": "/x"},
            SharedLibrariesLayer(binaries=("/bin/sh",), prefix=Prefix(prepend="/x")),
        ),
        ({"host_tree": "/opt/x", "target": "/y"}, HostTreeLayer(path="/opt/x", target="/y")),
    ],
)
def test_every_kind_of_layer_can_be_written(written: object, meant: LayerSpec) -> None:
    assert read(layer, written) == (meant, [])


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        (3, "it: expected a table with one of tar, glob"),
        ({}, "it: no kind of layer; known: tar, glob"),
        ({"globs": "x"}, "it: no kind of layer: globs; did you mean glob?"),
        ({"tar": "a", "glob": "b"}, "it: tar and glob: a layer is of one kind"),
        ({"tar": "a", "canonicalize": True}, "it.canonicalize: unknown; known: tar"),
        ({"tar": ""}, "it.tar: expected a text, not ''"),
        ({"stubs": ["/a", ""]}, "it.stubs[1]: expected a text, not ''"),
        ({"symlinks": [{"link": "/a"}]}, "it.symlinks[0]: target is missing"),
        ({"host_tree": "opt"}, "it.host_tree: expected an absolute path, not 'opt'"),
    ],
)
def test_a_layer_s_fault_is_told_with_its_place(written: object, fault: str) -> None:
    _, (told,) = read(layer, written)
    assert told.startswith(fault)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (
            {"type": "bind", "mount_point": "/a/", "local_path": "b"},
            Bind(source="b", target="/a", read_only=False),
        ),
        (
            {"type": "bind", "mount_point": "/a", "local_path": "b", "read_only": True},
            Bind(source="b", target="/a", read_only=True),
        ),
        ({"type": "tmp", "mount_point": "/tmp"}, Tmp(target="/tmp")),
        (
            {"type": "tmp", "mount_point": "//t/../u", "size": "1MiB", "mode": "0700"},
            Tmp(target="/u", size_bytes=1 << 20, mode=0o700),
        ),
        ({"type": "proc", "mount_point": "/proc"}, Proc()),
        ({"type": "sys", "mount_point": "/s"}, Sys(target="/s")),
        ({"type": "devices"}, Devices()),
        (
            {"type": "devices", "devices": ["null", "shm"], "shm_size": 4096},
            Devices(names=("null",), shm_bytes=4096),
        ),
        ({"type": "devices", "devices": ["fuse"]}, Devices(names=("fuse",))),
        ({"type": "devpts", "mount_point": "/dev/pts/"}, Devpts()),
        ({"type": "mqueue", "mount_point": "/q"}, Mqueue(target="/q")),
    ],
)
def test_every_type_of_mount_can_be_written(written: object, meant: Mount) -> None:
    assert read(mount, written) == (meant, [])


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ([], "it: expected a table with a type"),
        ({}, "it.type: expected one of bind, tmp, proc, sys, devices, devpts, mqueue"),
        (
            {"type": "tmpf"},
            "it.type: expected one of bind, tmp, proc, sys, devices, devpts, mqueue, not 'tmpf'; did",
        ),
        ({"type": "tmp"}, "it: mount_point is missing"),
        ({"type": "tmp", "mount_point": "/a", "read_only": True}, "it.read_only: unknown; known:"),
        ({"type": "proc", "mount_point": "/"}, "it.mount_point: expected a path below /"),
        ({"type": "tmp", "mount_point": "/a", "mode": 777}, "it.mode: expected permission bits"),
        ({"type": "devices", "devices": ["nul"]}, "it.devices[0]: expected one of full, fuse"),
        ({"type": "devpts"}, "it: mount_point is missing"),
        ({"type": "mqueue", "mount_point": "/q", "size": 1}, "it.size: unknown; known: type"),
    ],
)
def test_a_mount_s_fault_is_told_with_its_place(written: object, fault: str) -> None:
    _, (told,) = read(mount, written)
    assert told.startswith(fault)
