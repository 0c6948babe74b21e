"""Layers as archives, through the store, against a model of a few plain rules.

The model knows nothing of manifests, overlays or links on disk: it is a dictionary that each layer
changes, member by member, as the image specification has it (layer.md).
"""

import io
import os
import stat
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maelstrom_core.images.streams import Measured
from maelstrom_core.images.unpack import unpack
from maelstrom_core.store import Store

PATHS = ["a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "d/e/b"]
TEXTS = [b"", b"text", b"more text" * 100]
FILE_MODES = [0o644, 0o444, 0o600, 0o4755, 0o2711]
DIRECTORY_MODES = [0o755, 0o700, 0o555, 0o1777]
ATTRIBUTES = [(), (("user.a", "1"),), (("user.a", "2"), ("user.b", "\udcff\0"))]
IMPLIED = 0o755
"""Of directories that an archive does not name, and has something below."""


@attrs.frozen(eq=False)
class Node:
    """What a name stands for; two names of one node are hard links."""

    kind: str
    mode: int = 0o777
    content: bytes = b""
    attributes: tuple[tuple[str, str], ...] = ()


@attrs.frozen
class Member:
    """One of an archive.

    :param node: ``None`` for what hides, or a hard link to ``target``
    """

    path: str
    node: Node | None = None
    target: str = ""
    hides: str = ""


def above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


@st.composite
def layers(draw: st.DrawFn) -> list[Member]:
    """Members of an archive that no tool would refuse."""
    own: dict[str, Node] = {}
    members: list[Member] = []
    for _ in range(draw(st.integers(0, 7))):
        path = draw(st.sampled_from(PATHS))
        if any(own[one].kind != "directory" for one in above(path) if one in own):
            continue
        kinds = ["directory"]
        if not any(path in above(one) for one in own):
            kinds += ["file", "symlink", "hard link"]
        kind = draw(st.sampled_from(kinds))
        if kind == "hard link":
            targets = [one for one in own if one != path and own[one].kind != "directory"]
            if targets:
                target = draw(st.sampled_from(targets))
                own[path] = own[target]
                members.append(Member(path, target=target))
            continue
        own[path] = node = draw(nodes(kind))
        members.append(Member(path, node))
    allowed = [
        path
        for path in PATHS
        if not any(own[one].kind != "directory" for one in above(path) if one in own)
    ]
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(["", *allowed]))
        may_be_opaque = not path or path not in own or own[path].kind == "directory"
        ways = ["all in it"] * may_be_opaque + ["it"] * bool(path)
        members.insert(
            draw(st.integers(0, len(members))), Member(path, hides=draw(st.sampled_from(ways)))
        )
    return members


def nodes(kind: str) -> st.SearchStrategy[Node]:
    if kind == "symlink":
        return st.builds(Node, st.just(kind), content=st.sampled_from([b"a", b"../../x", b"/d"]))
    modes = FILE_MODES if kind == "file" else DIRECTORY_MODES
    texts = TEXTS if kind == "file" else [b""]
    return st.builds(
        Node,
        st.just(kind),
        st.sampled_from(modes),
        st.sampled_from(texts),
        st.sampled_from(ATTRIBUTES),
    )


def archive(members: Sequence[Member]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for one in members:
            directory, _, name = one.path.rpartition("/")
            written = {
                "": one.path,
                "it": f"{directory}/.wh.{name}",
                "all in it": f"{one.path}/.wh..wh..opq",
            }[one.hides]
            info = tarfile.TarInfo(written)
            content = b""
            if one.target:
                info.type, info.linkname = tarfile.LNKTYPE, one.target
            elif one.node is not None:
                info.mode = one.node.mode
                info.pax_headers = {
                    f"SCHILY.xattr.{key}": value for key, value in one.node.attributes
                }
                match one.node.kind:
                    case "directory":
                        info.type = tarfile.DIRTYPE
                    case "symlink":
                        info.type, info.linkname = tarfile.SYMTYPE, one.node.content.decode()
                    case _:
                        content = one.node.content
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def modelled(view: dict[str, Node], members: Sequence[Member]) -> dict[str, Node]:
    """A view of all lower layers, with one more on it."""
    lower = dict(view)
    for one in members:
        if one.hides:
            gone = [path for path in lower if not one.path or one.path in above(path)]
            gone += [one.path] if one.hides == "it" else []
            for path in gone:
                lower.pop(path, None)
    own: dict[str, Node] = {}
    for one in members:
        if one.target:
            own[one.path] = own[one.target]
        elif one.node is not None:
            own[one.path] = one.node
    for one in members:
        named = [one.path, *above(one.path)] if one.hides == "all in it" else above(one.path)
        for path in named:
            if path:
                own.setdefault(path, Node("directory", IMPLIED))
    for path, node in sorted(own.items(), key=lambda item: item[0]):
        if node.kind != "directory" or (path in lower and lower[path].kind != "directory"):
            for below in [name for name in lower if path in above(name)]:
                del lower[below]
        lower[path] = node
    return lower


def shown(trees: Sequence[Path]) -> dict[str, Path]:
    """What an overlay of trees shows (overlayfs.rst, "Lower layers" and "whiteouts and opaque")."""
    view: dict[str, Path] = {}
    for tree in trees:
        for path in sorted(tree.rglob("*")):
            name, status = str(path.relative_to(tree)), path.lstat()
            is_directory = stat.S_ISDIR(status.st_mode)
            before = view.get(name)
            if before is not None and not (
                is_directory
                and stat.S_ISDIR(before.lstat().st_mode)
                and "user.overlay.opaque" not in os.listxattr(path)
            ):
                for below in [one for one in view if name in above(one)]:
                    del view[below]
            if stat.S_ISCHR(status.st_mode):
                view.pop(name, None)
            else:
                view[name] = path
    return view


def described(path: Path) -> tuple[object, ...]:
    status = path.lstat()
    if path.is_symlink():
        return ("symlink", 0o777, os.readlink(path).encode(), {})
    attributes = {
        name: os.getxattr(path, name)
        for name in os.listxattr(path)
        if not name.startswith("user.overlay.")
    }
    mode = stat.S_IMODE(status.st_mode)
    if path.is_dir():
        return ("directory", mode, b"", attributes)
    return ("file", mode, path.read_bytes(), attributes)


def expected(node: Node) -> tuple[object, ...]:
    attributes = {key: os.fsencode(value) for key, value in node.attributes}
    return (node.kind, node.mode, node.content, attributes)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("store")) as opened:
        yield opened


@settings(max_examples=100, deadline=None)
@given(st.lists(layers(), min_size=1, max_size=3))
def test_layers_in_the_store_are_what_a_plain_model_makes_of_them(
    store: Store, given_layers: list[list[Member]]
) -> None:
    view: dict[str, Node] = {}
    digests = []
    with store.making() as lease:
        for members in given_layers:
            data = archive(members)
            measured = Measured(io.BytesIO(data))
            measured.drain()
            layer = unpack(
                io.BytesIO(data),
                descriptor=None,
                diff_id=measured.digest,
                store=store,
                what="it",
                cancelled=lambda: False,
            )
            if layer.hides_all:
                digests.clear()
            digests.append(layer.digest)
            lease.add([layer.digest])
            view = modelled(view, members)
        trees = store.lower_directories(digests)
    lease.release()

    found = shown(trees)
    assert {name: described(path) for name, path in found.items()} == {
        name: expected(node) for name, node in view.items()
    }
    for one, node in view.items():
        for other, same in view.items():
            if node is same and node.kind == "file":
                assert found[one].samefile(found[other])
