"""Archives that would break out, fill up or confuse: each is refused by name, and leaves nothing."""

import gzip
import io
import lzma
import os
import stat
import tarfile
from collections.abc import Iterable

import pytest

from maelstrom_core.errors import InputError
from maelstrom_core.model.layers import TarLayer

DEVICE, FIFO = tarfile.CHRTYPE, tarfile.FIFOTYPE
LINK, HARD, DIRECTORY = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, size
    return info


def archive(members: Iterable[tarfile.TarInfo], data: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info in members:
            tar.addfile(info, io.BytesIO(data or b"x" * info.size) if info.isreg() else None)
    return buffer.getvalue()


def headers(*members: tarfile.TarInfo) -> bytes:
    """Headers alone: of sizes that are not there."""
    return b"".join(info.tobuf(tarfile.GNU_FORMAT) for info in members) + bytes(1024)


PLAIN = archive([member("file", size=20_000)])
BAD = {
    "a name with ..": (archive([member("a/../../b")]), "not a path below the root"),
    "only ..": (archive([member("..")]), "not a path below the root"),
    "a device": (archive([member("null", DEVICE)]), "'null': a device"),
    "a hard link out of it": (
        archive([member("h", HARD, "../../etc/shadow")]),
        "'h': a hard link to '../../etc/shadow', outside",
    ),
    "an absolute name with ..": (archive([member("/../etc/passwd")]), "not a path below"),
    "an absolute hard link": (archive([member("h", HARD, "/etc/shadow")]), "no file of the arch"),
    "a hard link to nothing": (archive([member("h", HARD, "not-there")]), "no file of the archive"),
    "a hard link to a directory": (
        archive([member("d", DIRECTORY), member("h", HARD, "d")]),
        "no file of the archive",
    ),
    "two hard links to one another": (
        archive([member("a", HARD, "b"), member("b", HARD, "a")]),
        "no file of the archive",
    ),
    "a hard link to itself": (archive([member("h", HARD, "h")]), "no file of the archive"),
    "a file through a link": (
        archive([member("out", LINK, "/etc"), member("out/passwd")]),
        "lies below b'out', which is no directory",
    ),
    "a link made of a directory later": (
        archive([member("d", DIRECTORY), member("d/f"), member("d", LINK, "/etc")]),
        "which is no directory",
    ),
    "a whiteout of ..": (archive([member(".wh...")]), "not a path below the root"),
    "a whiteout of nothing": (archive([member("a/.wh.")]), "not a path below the root"),
    "one file too large to be true": (headers(member("f", size=1 << 40)), "too large"),
    "many files too large together": (
        headers(*(member(f"f{index}", size=0o77777777777) for index in range(12))),
        "too large|ends after|cannot be read",
    ),
    "a size with nothing behind it": (headers(member("f", size=1 << 20)), "ends after|cannot be"),
    "a negative size": (headers(member("f", size=-5)), "cannot be read|not a path|ends after"),
    "its end missing": (PLAIN[:7_000], "cannot be read|ends after"),
    "its end missing, compressed": (gzip.compress(PLAIN)[:-30], "cannot be read|ends after"),
    "damaged in the middle, compressed": (
        (lambda data: data[:40] + b"\xff\x00\xff" + data[43:])(gzip.compress(PLAIN)),
        "cannot be read",
    ),
    "damaged lzma": (
        (lambda data: data[:90] + b"\xff\x00\xff" + data[93:])(
            lzma.compress(os.urandom(200) + PLAIN)
        ),
        "cannot be read",
    ),
    "no archive at all": (b"just some text\n" * 100, "cannot be read"),
    "nothing at all": (b"", "cannot be read"),
    "a checksum that is wrong": (b"\x01" + PLAIN[1:], "cannot be read"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_hostile_archive_is_refused_and_leaves_nothing(project, tree, nothing_half_made, kind):
    data, words = BAD[kind]
    (project / "bad.tar").write_bytes(data)
    with pytest.raises(InputError, match=words) as caught:
        tree(TarLayer(tar="bad.tar"))
    assert all(fault.startswith("layers[0].tar: bad.tar: ") for fault in caught.value.faults)
    nothing_half_made()


def test_many_faults_of_one_archive_are_told_at_once_but_not_without_end(project, tree):
    (project / "bad.tar").write_bytes(archive(member(f"../up-{index}") for index in range(1000)))
    with pytest.raises(InputError) as caught:
        tree(TarLayer(tar="bad.tar"))
    assert 10 < len(caught.value.faults) < 30


@pytest.mark.parametrize(
    "compress", [bytes, gzip.compress, lzma.compress], ids=["plain", "gzip", "xz"]
)
def test_of_a_name_that_comes_twice_the_last_one_holds(project, tree, compress):
    twice = archive([member("f", size=1)], b"1")[:1024] + archive([member("f", size=2)], b"22")
    (project / "twice.tar").write_bytes(compress(twice))
    made = tree(TarLayer(tar="twice.tar"))
    assert (made / "f").read_bytes() == b"22"


def test_names_are_below_the_root_also_with_a_slash_before_them(project, tree):
    members = [
        member("/", DIRECTORY),
        member("/etc//it", size=3),
        member("./././other", HARD, "/etc/./it"),
    ]
    (project / "absolute.tar").write_bytes(archive(members))
    made = tree(TarLayer(tar="absolute.tar"))
    assert (made / "etc/it").read_bytes() == b"xxx"
    assert (made / "other").samefile(made / "etc/it")


def test_a_hard_link_to_a_symbolic_link_is_a_symbolic_link(project, tree):
    members = [member("l", LINK, "gone"), member("h", HARD, "l"), member("again", HARD, "h")]
    (project / "links.tar").write_bytes(archive(members))
    made = tree(TarLayer(tar="links.tar"))
    assert os.readlink(made / "h") == os.readlink(made / "again") == "gone"


def test_a_hard_link_keeps_what_it_was_made_of_when_that_name_comes_again(project, tree):
    data = archive([member("f", size=1)], b"1")[:1024]
    data += archive([member("h", HARD, "f"), member("g", HARD, "h")])[:1024]
    data += archive([member("f", size=2)], b"22")
    (project / "twice.tar").write_bytes(data)
    made = tree(TarLayer(tar="twice.tar"))
    assert ((made / "f").read_bytes(), (made / "h").read_bytes()) == (b"22", b"1")
    assert (made / "h").samefile(made / "g")


def test_links_may_point_anywhere_since_the_container_is_their_root(project, tree):
    (project / "links.tar").write_bytes(archive([member("l", LINK, "../../../etc/passwd")]))
    made = tree(TarLayer(tar="links.tar"))
    assert os.readlink(made / "l") == "../../../etc/passwd"


def test_what_archives_may_have_comes_out_as_it_should(project, tree):
    fifo = member("./pipe", FIFO)
    fifo.mode = 0o600
    setuid = member("./bin/tool", size=3)
    setuid.mode = 0o4755
    surrogate = member("caf\udce9", size=0)
    binaries = member("bin/", DIRECTORY)
    binaries.mode = 0o755
    data = archive([member("./", DIRECTORY), binaries, setuid, fifo, surrogate])
    (project / "good.tar").write_bytes(data)
    made = tree(TarLayer(tar="good.tar"))
    assert stat.S_ISFIFO((made / "pipe").lstat().st_mode)
    assert stat.S_IMODE((made / "bin/tool").stat().st_mode) == 0o4755
    assert os.path.exists(os.fsencode(made) + b"/caf\xe9")


@pytest.mark.parametrize("path", ["not-there.tar", "sub", ""])
def test_an_archive_that_is_no_file_is_told(tree, path, nothing_half_made):
    with pytest.raises(InputError, match=r"No such file|Is a directory"):
        tree(TarLayer(tar=path))
    nothing_half_made()
