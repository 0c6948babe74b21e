"""Rows of a manifest: with extended attributes, and as they were before there were any."""

import attrs
import pytest

from maelstrom_core.errors import InputError
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.manifest import Entry, EntryKind, decode_manifest, encode_manifest
from maelstrom_core.model.plain import decode, encode

FILE = Entry(path=b"f", kind=EntryKind.FILE, data=b"")


def manifest(attributes: object, kind: EntryKind = EntryKind.FILE) -> bytes:
    data = b"" if kind is EntryKind.FILE else None
    row = [b"f", int(kind), 0o644, 0, 0, None, data, b"t", False, attributes]
    return encode({"version": 1, "entries": [row]})


def test_without_attributes_a_manifest_is_what_it_always_was() -> None:
    data = encode_manifest([FILE])
    assert decode(data)["entries"] == [[b"f", 0, 0o644, 0, 0, None, b"", b"", False]]
    assert Digest.of(data).hex == "864a7fb0ea287adfce682559bf4078107b3effd107c5b3f9e7ed1015a0da0fcf"


def test_attributes_come_back_and_make_another_digest() -> None:
    pairs = ((b"user.a", b"\0\xff"), (b"user.b", b""))
    entry = attrs.evolve(FILE, attributes=pairs)
    data = encode_manifest([entry])
    assert decode_manifest(data) == (entry,)
    assert data != encode_manifest([FILE])


@pytest.mark.parametrize(
    "attributes",
    [
        [],
        None,
        [b"user.a"],
        [[b"user.a", "text"]],
        [[b"user.a", b"", b""]],
        [[b"user.b", b""], [b"user.a", b""]],
        [[b"user.a", b""], [b"user.a", b""]],
        [[b"user.", b""]],
        [[b"user.a\0", b""]],
        [[b"user." + b"x" * 255, b""]],
        [[b"user.overlay.opaque", b"y"]],
        [[b"trusted.overlay.opaque", b"y"]],
        [[b"security.capability", b""]],
        [[b"user.a", b"x" * 70_000]],
    ],
    ids=str,
)
def test_attributes_that_no_layer_may_have_are_refused(attributes: object) -> None:
    with pytest.raises(InputError):
        decode_manifest(manifest(attributes))


def test_a_link_has_no_attributes() -> None:
    with pytest.raises(InputError, match="only files and directories"):
        decode_manifest(manifest([[b"user.a", b""]], EntryKind.SYMLINK))
