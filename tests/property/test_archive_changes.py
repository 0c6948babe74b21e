"""What an archive's members come to, whatever their order: rules of layers, and a model beside them."""

from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.layers.changes_plan import Changes, sane_time
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.manifest import Entry, EntryKind, decode_manifest, encode_manifest

NAMES = [b"a", b"b", b"a/a", b"a/b", b"a/b/c", b"b/a"]
DIRECTORY, FILE, WHITEOUT = EntryKind.DIRECTORY, EntryKind.FILE, EntryKind.WHITEOUT
members = st.lists(
    st.tuples(st.sampled_from(["file", "directory", "hide", "opaque"]), st.sampled_from(NAMES)),
    max_size=8,
)


def changed(given_members):
    changes = Changes()
    for kind, path in given_members:
        match kind:
            case "file":
                digest = Digest.of(path)
                changes.put(Entry(path=path, kind=FILE, size=len(path), digest=digest))
            case "directory":
                changes.put(Entry(path=path, kind=DIRECTORY, mode=0o751))
            case "hide":
                changes.hide(path)
            case "opaque":
                changes.hide_all_in(path)
    return changes.ended()


def own(given_members) -> dict[bytes, str]:
    """Names that the archive itself has; the last of a name holds."""
    return {path: kind for kind, path in given_members if kind in ("file", "directory")}


@given(members)
def test_what_an_archive_has_itself_is_never_hidden(given_members):
    done = changed(given_members)
    if done.faults:
        return
    found = {entry.path: entry for entry in done.entries}
    for path, kind in own(given_members).items():
        assert found[path].kind is (FILE if kind == "file" else DIRECTORY)
        if kind == "directory":
            assert found[path].mode == 0o751


@given(members)
def test_what_is_hidden_is_hidden(given_members):
    """Under every name that is hidden, nothing of lower layers shows."""
    done = changed(given_members)
    if done.faults:
        return
    found = {entry.path: entry for entry in done.entries}
    for kind, path in given_members:
        if kind == "hide":
            entry = found[path]
            assert entry.kind is not DIRECTORY or entry.opaque
        elif kind == "opaque":
            assert found[path].opaque


@given(members, st.randoms(use_true_random=False))
def test_where_whiteouts_stand_does_not_matter(given_members, random):
    hiding = [one for one in given_members if one[0] in ("hide", "opaque")]
    rest = [one for one in given_members if one not in hiding]
    random.shuffle(hiding)
    mixed = list(rest)
    for one in hiding:
        mixed.insert(random.randint(0, len(mixed)), one)

    def plain(done):
        return sorted(done.entries, key=lambda entry: entry.path), sorted(done.faults)

    assert plain(changed(mixed)) == plain(changed(given_members))


@given(members)
def test_what_comes_of_it_is_a_manifest_or_a_fault(given_members):
    done = changed(given_members)
    if not done.faults:
        entries = {entry.path: entry for entry in done.entries}
        assert set(decode_manifest(encode_manifest(done.entries))) == set(entries.values())


@given(st.floats() | st.integers())
def test_any_time_is_one_that_a_file_can_have(seconds):
    assert 0 <= sane_time(seconds) < 1 << 63
