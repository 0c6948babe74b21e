"""The directory of keys: made once, changed whole, and refused where others could get at it."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from maelstrom_core.errors import HostError, InputError, MaelstromError, UsageError
from maelstrom_core.transport.join_plan import parse_join, print_join
from maelstrom_core.transport.keyring import Entry, Keyring
from maelstrom_core.transport.keys import new_key_pair, pair_of, read_secret, write_secret
from maelstrom_core.transport.principal import Principal

CLIENT = Principal("client", "local")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_are_made_for_the_owner_alone(keyring: Keyring) -> None:
    assert mode(keyring.directory) == 0o700
    files = [path for path in keyring.directory.rglob("*") if path.is_file()]
    assert {path.relative_to(keyring.directory).as_posix(): mode(path) for path in files} == {
        "authorized": 0o600,
        "broker.public": 0o644,
        "broker.secret": 0o600,
        "lock": 0o600,
        "secrets/admin-local": 0o600,
        "secrets/client-local": 0o600,
        "secrets/worker-local": 0o600,
    }
    known = keyring.authorized().known
    assert sorted(map(str, known.values())) == ["admin:local", "client:local", "worker:local"]


def test_they_are_made_once(keyring: Keyring) -> None:
    before = keyring.broker_keys(), keyring.entries()
    keyring.ensure()
    assert (keyring.broker_keys(), keyring.entries()) == before


MAKES_KEYS = """
import sys
from pathlib import Path
from maelstrom_core.transport.keyring import Keyring

keyring = Keyring(Path(sys.argv[1]))
sys.stdin.readline()
keyring.ensure()
print(keyring.broker_keys().public)
"""


def test_several_that_make_them_at_once_have_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAKES_KEYS, str(tmp_path / "cluster")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    makers = [subprocess.Popen(command, **pipes) for _ in range(6)]
    for maker in makers:
        maker.stdin.write("now\n")
        maker.stdin.flush()
    keys = {maker.communicate(timeout=60)[0] for maker in makers}
    assert len(keys) == 1
    assert all(maker.returncode == 0 for maker in makers)


@pytest.mark.parametrize("role", ["client", "worker", "admin"])
def test_whoever_is_of_the_same_user_finds_all_it_needs(keyring: Keyring, role: str) -> None:
    keyring.publish_address("127.0.0.1:20001")
    join = keyring.local_join(role)
    assert join.address == "127.0.0.1:20001"
    assert join.broker_key == keyring.broker_keys().public
    public = pair_of(join.secret_key).public
    assert keyring.authorized().principal(public) == Principal(role, "local")


def test_a_missing_cluster_and_a_missing_broker_are_told(keyring: Keyring, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are no keys of a cluster in") as raised:
        Keyring(tmp_path / "elsewhere").local_join("client")
    assert "start maelstrom-broker" in str(raised.value)
    with pytest.raises(UsageError, match=r"no broker of the cluster in .* is running"):
        keyring.local_join("client")
    keyring.publish_address("127.0.0.1:20001")
    keyring.withdraw_address("127.0.0.1:20002")
    keyring.local_join("client")
    keyring.withdraw_address("127.0.0.1:20001")
    with pytest.raises(UsageError, match="no broker"):
        keyring.local_join("client")


# Administration


def test_who_is_added_may_join_with_a_join_string(keyring: Keyring) -> None:
    pair = keyring.add("worker", "rack7")
    assert pair is not None
    join = keyring.join("worker", "rack7", pair, "broker.example.org:7811")
    again = parse_join(print_join(join))
    assert again == join
    known = keyring.authorized()
    assert known.principal(pair_of(again.secret_key).public) == Principal("worker", "rack7")
    assert Entry(Principal("worker", "rack7"), pair.public, is_kept=False) in keyring.entries()
    kept = b"".join(path.read_bytes() for path in keyring.directory.rglob("*") if path.is_file())
    assert pair.secret.encode() not in kept


def test_a_key_that_somebody_made_is_taken_as_it_is(keyring: Keyring) -> None:
    public = new_key_pair().public
    assert keyring.add("client", "alice", public) is None
    assert keyring.authorized().principal(public) == Principal("client", "alice")


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda ring: ring.add("wroker", "x"), "unknown role 'wroker'; did you mean worker?"),
        (lambda ring: ring.add("worker", "a b"), "unfit name 'a b'"),
        (lambda ring: ring.add("client", "local"), "client:local may join already"),
        (lambda ring: ring.add("client", "x", "short"), "unfit public key 'short'"),
        (
            lambda ring: ring.add("client", "x", ring.entries()[0].public_key),
            "this is the key of client:local already",
        ),
        (lambda ring: ring.revoke("client", "locl"), "did you mean client:local?"),
        (lambda ring: ring.rotate("client", "zzz"), "nobody is called client:zzz"),
        (lambda ring: ring.join("client", "x", new_key_pair(), "nowhere"), "unfit address"),
    ],
)
def test_what_cannot_be_is_told(
    keyring: Keyring, act: Callable[[Keyring], object], told: str
) -> None:
    before = keyring.entries()
    with pytest.raises(UsageError) as raised:
        act(keyring)
    assert told in str(raised.value)
    assert keyring.entries() == before


def test_who_is_revoked_may_not_join_and_keeps_no_key_here(keyring: Keyring) -> None:
    keyring.revoke("client", "local")
    assert CLIENT not in keyring.authorized().known.values()
    assert not (keyring.directory / "secrets" / "client-local").exists()
    keyring.ensure()
    assert CLIENT not in keyring.authorized().known.values()


def test_a_rotated_key_replaces_the_old_one(keyring: Keyring) -> None:
    keyring.publish_address("127.0.0.1:20001")
    old = pair_of(keyring.local_join("client").secret_key)
    new = keyring.rotate("client", "local")
    known = keyring.authorized()
    assert known.principal(old.public) is None
    assert known.principal(new.public) == CLIENT
    assert keyring.local_join("client").secret_key == new.secret


def test_both_keys_hold_until_the_change_is_finished(keyring: Keyring) -> None:
    keyring.publish_address("127.0.0.1:20001")
    old = pair_of(keyring.local_join("client").secret_key)
    new = keyring.rotate("client", "local", overlap=True)
    known = keyring.authorized()
    assert known.principal(old.public) == known.principal(new.public) == CLIENT
    assert keyring.local_join("client").secret_key == new.secret
    shown = {one.public_key: (one.is_old, one.is_kept) for one in keyring.entries()}
    assert (shown[old.public], shown[new.public]) == ((True, False), (False, True))
    with pytest.raises(UsageError, match="an old key and a new one already"):
        keyring.rotate("client", "local", overlap=True)
    keyring.finish("client", "local")
    assert known.refresh()
    assert (known.principal(old.public), known.principal(new.public)) == (None, CLIENT)
    with pytest.raises(UsageError, match="one key only"):
        keyring.finish("client", "local")


def test_a_key_that_is_rotated_at_once_takes_both_old_ones_away(keyring: Keyring) -> None:
    pair = keyring.add("worker", "rack7")
    assert pair is not None
    second = keyring.rotate("worker", "rack7", overlap=True)
    third = keyring.rotate("worker", "rack7")
    known = keyring.authorized()
    assert known.principal(third.public) is not None
    assert known.principal(pair.public) is known.principal(second.public) is None


def test_the_broker_s_key_can_be_rotated_and_a_change_cut_short_is_finished(
    keyring: Keyring,
) -> None:
    old = keyring.broker_key()
    new = keyring.rotate_broker()
    assert keyring.broker_key() == keyring.broker_keys().public == new.public != old
    (keyring.directory / "broker.public").write_text(f"{old}\n")
    keyring.ensure()
    assert keyring.broker_key() == new.public


def test_a_change_of_the_list_is_seen_and_what_cannot_be_read_changes_nothing(
    keyring: Keyring,
) -> None:
    known = keyring.authorized()
    assert not known.refresh()
    pair = keyring.add("worker", "rack7")
    assert pair is not None
    assert known.refresh()
    assert not known.refresh()
    path = keyring.directory / "authorized"
    text = path.read_text()
    path.write_text("what?\n")
    assert not known.refresh()
    assert isinstance(known.fault, InputError)
    assert known.principal(pair.public) == Principal("worker", "rack7")
    path.unlink()
    assert not known.refresh()
    assert isinstance(known.fault, FileNotFoundError)
    path.write_text(text.replace("worker rack7", "worker rack8"))
    assert known.refresh()
    assert known.fault is None
    assert known.principal(pair.public) == Principal("worker", "rack8")


# What others could have read or written


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o644])
def test_a_secret_that_others_may_read_is_refused(keyring: Keyring, bits: int) -> None:
    path = keyring.directory / "broker.secret"
    path.chmod(bits)
    with pytest.raises(InputError, match="others may read it") as raised:
        keyring.broker_keys()
    assert f"chmod 600 {path}" in str(raised.value)


def test_a_list_that_others_may_write_is_refused(keyring: Keyring) -> None:
    (keyring.directory / "authorized").chmod(0o620)
    with pytest.raises(InputError, match="others may write it"):
        keyring.authorized()
    (keyring.directory / "authorized").chmod(0o644)
    assert len(keyring.authorized().known) == 3


def test_a_directory_that_others_may_write_into_is_refused(keyring: Keyring) -> None:
    keyring.directory.chmod(0o777)
    with pytest.raises(InputError, match="others may write into it"):
        keyring.add("client", "alice")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_somebody_else_s_secret_is_refused(keyring: Keyring) -> None:
    os.chown(keyring.directory / "broker.secret", 12345, -1)
    with pytest.raises(InputError, match="belongs to user 12345"):
        keyring.broker_keys()


def test_what_is_no_key_is_refused_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "key"
    pair = new_key_pair()
    write_secret(path, pair)
    assert read_secret(path) == pair
    path.write_text(pair.secret[:-1])
    with pytest.raises(InputError, match="holds none") as raised:
        read_secret(path)
    assert pair.secret[:10] not in str(raised.value)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is not text"):
        read_secret(path)
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(InputError, match="is not a file"):
        read_secret(path)


def test_a_secret_is_never_readable_not_even_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "key", []
    rename = os.rename

    def look(source: Path, target: Path) -> None:
        seen.append((mode(source), source.parent))
        rename(source, target)

    monkeypatch.setattr(os, "rename", look)
    old = os.umask(0)
    try:
        write_secret(path, new_key_pair())
    finally:
        os.umask(old)
    assert seen == [(0o600, tmp_path)]
    assert mode(path) == 0o600


def test_a_failed_change_leaves_what_was_there(
    keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = sorted(keyring.directory.rglob("*")), keyring.entries()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HostError, match="No space left on device"):
        keyring.rotate("client", "local")
    assert (sorted(keyring.directory.rglob("*")), keyring.entries()) == before


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HostError, match="cannot use the keys of a cluster") as raised:
        Keyring(tmp_path / "file" / "cluster").ensure()
    assert isinstance(raised.value, MaelstromError)


def test_nothing_that_prints_a_pair_prints_its_secret() -> None:
    pair = new_key_pair()
    assert pair.secret not in repr(pair)
    assert attrs.asdict(pair)["public"] in repr(pair)
