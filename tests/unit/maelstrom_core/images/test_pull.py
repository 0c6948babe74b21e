"""From layouts and archives: what an image comes to, and which images are refused."""

import gzip
import hashlib
import json
import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import zstandard

from maelstrom_core.errors import MaelstromError
from maelstrom_core.images.events import LayerMade, PullBegan
from maelstrom_core.store import Store


def special(kind: bytes, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    member = tarfile.TarInfo()
    member.type, member.linkname, member.mode = kind, target, mode
    return member


@pytest.mark.parametrize("docker", [False, True], ids=["oci", "docker"])
@pytest.mark.parametrize("compress", ["gzip", "zstd", ""])
def test_a_layer_of_any_kind_is_what_it_was(maker, bring, project, compress, docker):
    layer = maker.layer({"etc": None, "etc/name": "image"})
    made = maker.image(
        layer, compress=compress, docker=docker, Env=["A=1", "B=x=y"], WorkingDir="/w"
    )
    made.write(project / "layout")

    got = bring("oci:layout")

    assert (got.trees[0] / "etc/name").read_text() == "image"
    assert got.image.environment == (("A", "1"), ("B", "x=y"))
    assert (got.image.working_directory, got.image.digest) == ("/w", made.digest)


def test_an_image_says_what_is_run_in_it(maker, bring, project):
    layer = maker.layer({"f": "1"})
    maker.image(layer, Entrypoint=["run", ""], Cmd=["all"]).write(project / "a")
    maker.image(layer, Entrypoint=None, Cmd="one text").write(project / "b")

    both, one = bring("oci:a").image, bring("oci:b").image

    assert (both.entrypoint, both.command) == (("run", ""), ("all",))
    assert (one.entrypoint, one.command) == ((), ("one text",))


def test_archives_are_read_as_directories_are(maker, bring, project):
    maker.image(maker.layer({"f": "1"})).write(project / "layout", "one")
    with tarfile.open(project / "a.tar", "w") as tar:
        tar.add(project / "layout", "")
    with tarfile.open(project / "a.tar.gz", "w:gz") as tar:
        tar.add(project / "layout", ".")

    for name in ("oci:layout", "oci:layout:one", "oci-archive:a.tar:one", "oci-archive:a.tar.gz"):
        assert bring(name).names() == {"f"}


def test_of_several_images_one_is_named(maker, bring, project):
    first, second = (maker.image(maker.layer({name: ""})) for name in ("a", "b"))
    first.write(project / "layout", "example.org/it:1.0")
    index = json.loads((project / "layout/index.json").read_text())
    second.write(project / "layout", "2")
    other = json.loads((project / "layout/index.json").read_text())
    other["manifests"] += index["manifests"]
    (project / "layout/index.json").write_text(json.dumps(other))

    assert bring("oci:layout:2").names() == {"b"}
    assert bring("oci:layout:1.0").names() == {"a"}
    assert bring("oci:layout:example.org/it:1.0").names() == {"a"}
    with pytest.raises(MaelstromError, match=r"oci:layout:TAG; there are 2, example.org/it:1.0"):
        bring("oci:layout")
    with pytest.raises(MaelstromError, match="oci:layout:3 is not there; there are: 2"):
        bring("oci:layout:3")


def test_layers_hide_what_is_below_and_keep_what_is_theirs(maker, bring, project):
    upper = {
        "d": special(tarfile.DIRTYPE, mode=0o750),
        "d/new": "n",
        "d/.wh..wh..opq": "",
        "kept": "k",
        ".wh.kept": "",
        "again": special(tarfile.DIRTYPE, mode=0o700),
        ".wh.again": "",
        ".wh.gone": "",
    }
    made = maker.image(maker.layer({"d": None, "d/old": "o", "gone": "g"}), maker.layer(upper))
    made.write(project / "layout")

    _, tree = bring("oci:layout").trees

    gone = (tree / "gone").lstat()
    assert (stat.S_ISCHR(gone.st_mode), gone.st_rdev) == (True, 0)
    assert (tree / "kept").read_text() == "k"
    for name, mode in (("d", 0o750), ("again", 0o700)):
        assert stat.S_IMODE((tree / name).stat().st_mode) == mode
        assert os.getxattr(tree / name, "user.overlay.opaque") == b"y"


def test_a_layer_that_hides_everything_ends_what_is_below_it(maker, bring, project):
    layers = [maker.layer({"a": ""}), maker.layer({".wh..wh..opq": "", "b": ""})]
    maker.image(*layers, maker.layer({"c": ""})).write(project / "layout")

    assert bring("oci:layout").names() == {"b", "c"}


def test_odd_modes_times_links_and_devices(maker, bring, project):
    late = special(tarfile.REGTYPE)
    late.mtime = 1e300
    files = {
        "closed": special(tarfile.DIRTYPE, mode=0o000),
        "closed/in": "x",
        "unreadable": special(tarfile.REGTYPE, mode=0o000),
        "unreadable too": special(tarfile.REGTYPE, mode=0o200),
        "setuid": special(tarfile.REGTYPE, mode=0o4755),
        "hard": special(tarfile.LNKTYPE, "setuid"),
        "soft": special(tarfile.SYMTYPE, "/etc/../../../out"),
        "dev/null": special(tarfile.CHRTYPE),
        "late": late,
    }
    maker.image(maker.layer(files)).write(project / "layout")

    got = bring("oci:layout")

    (tree,) = got.trees
    modes = {
        name: stat.S_IMODE((tree / name).lstat().st_mode) for name in files if name != "dev/null"
    }
    assert modes["closed"] == modes["unreadable"] == 0
    assert (modes["unreadable too"], modes["setuid"]) == (0o200, 0o4755)
    assert (tree / "hard").samefile(tree / "setuid")
    assert os.readlink(tree / "soft") == "/etc/../../../out"
    assert not (tree / "dev/null").exists()
    (made,) = (event for event in got.events if isinstance(event, LayerMade))
    assert "'dev/null': a device" in made.skipped[0]


def attributed(*, mode: int = 0o444, **attributes: str) -> tarfile.TarInfo:
    member = special(tarfile.REGTYPE, mode=mode)
    member.pax_headers = {f"SCHILY.xattr.{name}": value for name, value in attributes.items()}
    return member


def test_extended_attributes_of_users_are_kept_and_the_others_are_told(
    maker, bring, project, store
):
    directory = attributed(**{"user.of": "a directory", "user.overlay.opaque": "y"})
    directory.type, directory.mode = tarfile.DIRTYPE, 0o555
    ping = {"security.capability": "\1\0\0\2", "trusted.x": "y", "user.overlay.redirect": "/etc"}
    files = {
        # The same bytes, mode and time: what tells them apart are attributes alone.
        "with none": attributed(),
        "one": attributed(**{"user.kind": "one", "user.bytes": "\0\n=\udcff"}),
        "two": attributed(**{"user.kind": "two"}),
        "two as well": attributed(**{"user.kind": "two"}),
        "ping": attributed(**ping),
        "d": directory,
    }
    maker.image(maker.layer(files)).write(project / "layout")

    got = bring("oci:layout")

    (tree,) = got.trees
    found = {
        name: {key: os.getxattr(tree / name, key) for key in os.listxattr(tree / name)}
        for name in files
    }
    assert found == {
        "with none": {},
        "one": {"user.kind": b"one", "user.bytes": b"\0\n=\xff"},
        "two": {"user.kind": b"two"},
        "two as well": {"user.kind": b"two"},
        "ping": {},
        "d": {"user.of": b"a directory"},
    }
    assert (tree / "two").samefile(tree / "two as well")
    assert stat.S_IMODE((tree / "two").stat().st_mode) == 0o444
    (made,) = (event for event in got.events if isinstance(event, LayerMade))
    assert [told.partition(" of ")[0].rpartition(" ")[2] for told in made.skipped] == [
        "security.capability",
        "trusted.x",
        "user.overlay.redirect",
        "user.overlay.opaque",
    ]
    # What another layer makes of the same bytes has none of them, and nothing is taken for damaged.
    assert store.blobs.damaged() == []


def test_more_attributes_than_a_file_can_have_are_refused(maker, bring, project):
    many = attributed(**{f"user.{number}": "x" * 60_000 for number in range(2)})
    maker.image(maker.layer({"many": many})).write(project / "layout")
    with pytest.raises(MaelstromError, match="'many': more than 65536 bytes of extended attrib"):
        bring("oci:layout")


def test_what_is_there_is_not_made_again_and_other_processes_images_are_shared(
    maker, bring, project, store
):
    base, own = maker.layer({"base": "b"}), maker.layer({"own": "o"})
    maker.image(base).write(project / "one")
    maker.image(base, own).write(project / "two")
    bring("oci:one")

    def began(name: str, **how: object) -> list[int]:
        return [event.layers for event in bring(name, **how).events if isinstance(event, PullBegan)]

    assert began("oci:one") == []
    with Store.open(store.directory) as another:
        assert began("oci:two", in_store=another) == [1]
    store.evict(0)
    assert began("oci:two") == [2]


def test_an_image_of_the_same_layer_twice_is_brought_once(maker, bring, project):
    layer = maker.layer({"a": ""})
    maker.image(layer, maker.layer({"b": ""}), layer).write(project / "layout")

    got = bring("oci:layout")

    assert got.names() == {"a", "b"}
    assert len(got.image.layers) == len({one.digest for one in got.image.layers}) == 2


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("what", ["layer", "config", "manifest"])
def test_one_bit_is_enough(maker, bring, project, store, what):
    made = maker.image(maker.layer({"f": "text" * 1000}))
    directory = made.write(project / "layout")
    manifest = json.loads(made.blobs[made.digest])
    digest = {
        "layer": manifest["layers"][0]["digest"],
        "config": manifest["config"]["digest"],
        "manifest": made.digest,
    }[what]
    damaged(directory / "blobs/sha256" / digest.partition(":")[2])

    with pytest.raises(MaelstromError, match=r"oci:layout.*(its bytes|decompressed)"):
        bring("oci:layout")
    assert list((store.directory / "trees").glob("??/*")) == []


def test_a_layer_that_is_not_what_its_configuration_says_is_refused(maker, bring, project):
    made = maker.image(maker.layer({"f": "1"}))
    manifest = json.loads(made.blobs[made.digest])
    config = json.loads(made.blobs[manifest["config"]["digest"]])
    config["rootfs"]["diff_ids"] = ["sha256:" + "0" * 64]
    remade = maker.image(maker.layer({"f": "1"}))
    data = json.dumps(config).encode()
    manifest["config"] |= {"digest": _digest(data), "size": len(data)}
    root = json.dumps(manifest).encode()
    remade.blobs = {**made.blobs, _digest(data): data, _digest(root): root}
    remade.root |= {"digest": _digest(root), "size": len(root)}
    remade.write(project / "layout")

    with pytest.raises(MaelstromError, match=r"decompressed it is sha256:.*not sha256:0000"):
        bring("oci:layout")


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


HOSTILE = {
    "a name with ..": ({"../x": ""}, "not a path below the root"),
    "an absolute name with ..": ({"/../x": ""}, "not a path below the root"),
    "a file through a link": (
        {"out": special(tarfile.SYMTYPE, "/tmp"), "out/x": ""},
        "lies below b'out', which is no directory",
    ),
    "a link in the place of a directory": (
        {"d/x": "", "d": special(tarfile.SYMTYPE, "/tmp")},
        "lies below b'd', which is no directory",
    ),
    "a hard link out": ({"h": special(tarfile.LNKTYPE, "/etc/shadow")}, "no file of the archive"),
    "a hard link up": ({"h": special(tarfile.LNKTYPE, "../../etc/shadow")}, "outside of it"),
    "a whiteout of ..": ({"a/.wh...": ""}, "not a path below the root"),
    "an opaque file": ({"a": "", "a/.wh..wh..opq": ""}, "hides all that is in it, and is no dir"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_layer_is_refused(maker, bring, project, store, kind):
    files, words = HOSTILE[kind]
    maker.image(maker.layer(files)).write(project / "layout")

    with pytest.raises(MaelstromError, match=words):
        bring("oci:layout")
    for part in ("trees", "manifests"):
        assert list((store.directory / part).glob("??/*")) == []


def _pax_bomb() -> bytes:
    """A header that says that 60 GB of names follow, and then zeros."""
    member = tarfile.TarInfo("pax")
    member.type, member.size = tarfile.XHDTYPE, 60 << 30
    return member.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (b"no archive" * 200, "cannot be read"),
        (b"", "cannot be read"),
        (_pax_bomb(), "a header that is larger than any real one"),
    ],
    ids=["text", "nothing", "a large header"],
)
def test_what_is_no_archive_is_refused(maker, bring, project, layer, words):
    maker.image(layer).write(project / "layout")
    with pytest.raises(MaelstromError, match=words):
        bring("oci:layout")


def test_a_layer_that_ends_early_is_refused(maker, bring, project, monkeypatch):
    whole = maker.layer({"f": "x" * 5000})
    for squeeze in (gzip.compress, zstandard.ZstdCompressor().compress):
        monkeypatch.setattr(gzip, "compress", lambda data, squeeze=squeeze: squeeze(data)[:-20])
        maker.image(whole).write(project / "layout")
        with pytest.raises(MaelstromError, match=r"cannot be read|ends after"):
            bring("oci:layout")


def test_images_for_other_machines_are_refused_and_named(maker, bring, project):
    made = maker.image(maker.layer({}), architecture="s390x")
    made.write(project / "alone")
    maker.index((made, {"os": "linux", "architecture": "s390x"})).write(project / "index")

    with pytest.raises(MaelstromError, match="it is for linux/s390x, and this machine is linux/"):
        bring("oci:alone")
    with pytest.raises(MaelstromError, match=r"no image for linux/.*; there are: linux/s390x"):
        bring("oci:index")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("oci:nowhere", "is no OCI layout"),
        ("oci-archive:nowhere", "nowhere is not there"),
        ("docker-archive:text", "is no archive of an image"),
        ("docker-archive:empty.tar", "has no file manifest.json"),
    ],
)
def test_what_is_no_image_is_told(bring, project, name, words):
    (project / "text").write_text("text")
    tarfile.open(project / "empty.tar", "w").close()
    with pytest.raises(MaelstromError, match=words):
        bring(name)


def test_without_the_extra_it_is_said_what_to_install(maker, project, tmp_path):
    maker.image(maker.layer({"f": "1"})).write(project / "layout")
    script = """
import sys
sys.modules["httpx"] = sys.modules["zstandard"] = sys.modules["certifi"] = None
from pathlib import Path
from maelstrom_core.errors import UsageError
from maelstrom_core.images.pull import Pulling, pull
from maelstrom_core.store import Store
with Store.open(Path(sys.argv[1])) as store:
    how = Pulling(project=Path(sys.argv[2]))
    assert len(pull(["oci:layout"], how, store=store).images) == 1
    try:
        pull(["docker://localhost:1/x"], how, store=store)
    except UsageError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "own", project], capture_output=True, text=True
    )
    assert "pip install 'pytest-maelstrom[images]'" in done.stdout, done.stderr


def test_a_run_without_images_loads_nothing_of_them() -> None:
    script = "import sys, pytest_maelstrom.session; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "maelstrom_core.spec.container" in loaded, done.stderr
    assert {"httpx", "zstandard", "maelstrom_core.images.pull"} & loaded == set()
