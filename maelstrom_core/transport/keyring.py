"""The directory of a cluster's keys, with the broker: made once, changed by its administrator.

::

    broker.secret       the broker's key
    broker.public       its public half, which every peer needs
    authorized          who may join (`authorized_plan`)
    address             where the broker listens, while it does
    secrets/            keys of those who are of the same user on the same machine

It is the owner's alone, and so are all secret keys. Of other principals the secret key is handed out
once, in a join string, and not kept.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

from maelstrom_core.errors import HostError, InputError, UsageError
from maelstrom_core.transport.address_plan import address_fault
from maelstrom_core.transport.authorized import Authorized, read_authorized
from maelstrom_core.transport.authorized_plan import (
    HEADER,
    MOST_KEYS,
    keys_of,
    parse_authorized,
    with_key,
    with_second_key,
    without,
)
from maelstrom_core.transport.join_plan import Join
from maelstrom_core.transport.keys import (
    KeyPair,
    new_key_pair,
    read_secret,
    replace_file,
    write_secret,
)
from maelstrom_core.transport.principal import (
    KEY_RULE,
    ROLES,
    Principal,
    is_key,
    nearest,
    principal_faults,
)

LOCAL_NAME = "local"
"""What those are called who find their keys here, being of the same user on the same machine."""


@attrs.frozen
class Entry:
    """One line of the list of who may join."""

    principal: Principal
    public_key: str
    is_kept: bool
    """Whether its secret key is kept in the directory."""
    is_old: bool = False
    """Whether there is a newer one beside it."""


class Keyring:
    """A cluster's keys in this directory.

    :raises HostError: from every method, if the directory cannot be read or written
    :raises InputError: from every method, if what is in it cannot be used
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._authorized = directory / "authorized"
        self._public = directory / "broker.public"

    def exists(self) -> bool:
        """Whether a cluster's keys have been made here."""
        return self._public.exists()

    def ensure(self) -> None:
        """Make the keys, if there are none: the broker's, and one local principal for each role."""
        with self._changing(make=True):
            if self.exists():
                self._mend_broker()
                return
            text = HEADER
            for role in ROLES:
                local = Principal(role, LOCAL_NAME)
                pair = new_key_pair()
                write_secret(self._secret_of(local), pair)
                text = with_key(text, local, pair.public)
            replace_file(self._authorized, text, mode=0o600)
            # Last: that it is there says that all is.
            self._write_broker(new_key_pair())

    # What a broker and the principals beside it read

    def broker_keys(self) -> KeyPair:
        """The broker's own key."""
        with self._told():
            return read_secret(self.directory / "broker.secret")

    def broker_key(self) -> str:
        """The broker's public key."""
        with self._told():
            key = self._public.read_text(errors="replace").strip()
        if not is_key(key):
            fault = f"{self._public}: holds no key: {KEY_RULE}"
            raise InputError("cannot use the broker's public key", [fault])
        return key

    def authorized(self) -> Authorized:
        """Who may join, read again when it changes."""
        with self._told():
            return Authorized(self._authorized)

    def publish_address(self, address: str) -> None:
        """Say where the broker listens, to those who look here."""
        path = self.directory / "address"
        with suppress(OSError):
            if path.read_text(errors="replace") == f"{address}\n":
                return  # a broker that comes again needs no room on a full disk
        with self._told():
            replace_file(path, f"{address}\n", mode=0o600)

    def withdraw_address(self, address: str) -> None:
        """Say no longer that the broker listens there; what another has said since then stays."""
        with suppress(OSError):
            path = self.directory / "address"
            if path.read_text(errors="replace").strip() == address:
                path.unlink()

    def local_join(self, role: str) -> Join:
        """What a principal of this user on this machine needs in order to join.

        :raises UsageError: if there are no keys here, or no broker has said where it listens
        """
        self._check(role, LOCAL_NAME)
        local = Principal(role, LOCAL_NAME)
        with self._told():
            if not self.exists():
                raise UsageError(
                    f"there are no keys of a cluster in {self.directory}",
                    remedy="start maelstrom-broker on this machine as this user, or give a join "
                    "string",
                )
            address = self._published_address()
            pair = read_secret(self._secret_of(local))
        return Join(local, address, self.broker_key(), pair.secret)

    def _published_address(self) -> str:
        path = self.directory / "address"
        try:
            address = path.read_text(errors="replace").strip()
        except FileNotFoundError:
            raise UsageError(
                f"no broker of the cluster in {self.directory} is running",
                remedy="start maelstrom-broker on this machine as this user",
            ) from None
        if fault := address_fault(address):
            raise InputError("cannot use the broker's address", [f"{path}: {fault}"])
        return address

    # What an administrator does

    def entries(self) -> list[Entry]:
        """Everybody who may join, by role and name."""
        with self._told():
            known = self._parse(read_authorized(self._authorized))
        newest = {keys[-1] for keys in keys_of(known).values()}
        found = []
        for key, one in known.items():
            is_old = key not in newest
            is_kept = not is_old and self._secret_of(one).exists()
            found.append(Entry(one, key, is_kept, is_old))
        return sorted(found, key=_by_role_and_name)

    def add(self, role: str, name: str, public_key: str | None = None) -> KeyPair | None:
        """Let somebody join.

        :param public_key: a key that they have made themselves; by default one is made
        :return: the key that was made, which is kept nowhere else
        :raises UsageError: if role, name or key are unfit, or taken
        """
        principal = self._check(role, name)
        if public_key is not None and not is_key(public_key):
            raise UsageError(f"unfit public key {public_key!r}: {KEY_RULE}")
        with self._changing():
            text = read_authorized(self._authorized)
            known = self._parse(text)
            if principal in keys_of(known):
                raise UsageError(
                    f"{principal} may join already", remedy="rotate its key, or choose another name"
                )
            if public_key in known:
                raise UsageError(f"this is the key of {known[public_key]} already")
            pair = new_key_pair() if public_key is None else None
            key = pair.public if pair else public_key
            assert key is not None
            replace_file(self._authorized, with_key(text, principal, key), mode=0o600)
        return pair

    def revoke(self, role: str, name: str) -> None:
        """Let somebody join no longer. A broker that runs drops what they have sent since then.

        :raises UsageError: if there is nobody of this name
        """
        principal = self._check(role, name)
        with self._changing():
            text = self._text_that_knows(principal)
            replace_file(self._authorized, without(text, principal), mode=0o600)
            self._secret_of(principal).unlink(missing_ok=True)

    def rotate(self, role: str, name: str, *, overlap: bool = False) -> KeyPair:
        """Give somebody a new key.

        :param overlap: the old one holds as well, until `finish`; otherwise it is worth nothing from
            then on, and an older one neither
        :return: the new one, which is kept nowhere else, unless the old one was kept here
        :raises UsageError: if there is nobody of this name, or there are two keys already
        """
        principal = self._check(role, name)
        pair = new_key_pair()
        with self._changing():
            text = self._text_that_knows(principal)
            if overlap and len(keys_of(self._parse(text))[principal]) == MOST_KEYS:
                raise UsageError(
                    f"{principal} has an old key and a new one already",
                    remedy="end that first: keys rotate with --finish, or without --overlap",
                )
            changed = with_second_key if overlap else with_key
            replace_file(self._authorized, changed(text, principal, pair.public), mode=0o600)
            if self._secret_of(principal).exists():
                write_secret(self._secret_of(principal), pair)
        return pair

    def finish(self, role: str, name: str) -> None:
        """Take the old key from somebody who has got a new one.

        :raises UsageError: if there is nobody of this name, or no old key
        """
        principal = self._check(role, name)
        with self._changing():
            text = self._text_that_knows(principal)
            keys = keys_of(self._parse(text))[principal]
            if len(keys) < 2:
                raise UsageError(
                    f"{principal} has one key only", remedy="a new one: keys rotate with --overlap"
                )
            replace_file(self._authorized, with_key(text, principal, keys[-1]), mode=0o600)

    def rotate_broker(self) -> KeyPair:
        """Give the broker a new key: it must be started again, and all join strings made anew."""
        pair = new_key_pair()
        with self._changing():
            self._write_broker(pair)
        return pair

    def join(self, role: str, name: str, pair: KeyPair, address: str) -> Join:
        """All that somebody elsewhere needs in order to join.

        :param address: where they reach the broker, ``HOST:PORT``
        :raises UsageError: if that is not an address
        """
        if fault := address_fault(address):
            raise UsageError(fault)
        return Join(self._check(role, name), address, self.broker_key(), pair.secret)

    def _check(self, role: str, name: str) -> Principal:
        if faults := principal_faults(role, name):
            raise InputError("cannot use this name", faults)
        return Principal(role, name)

    def _parse(self, text: str) -> dict[str, Principal]:
        return parse_authorized(text, str(self._authorized))

    def _text_that_knows(self, principal: Principal) -> str:
        text = read_authorized(self._authorized)
        known = [str(one) for one in self._parse(text).values()]
        if str(principal) not in known:
            raise UsageError(f"nobody is called {principal}{nearest(str(principal), known)}")
        return text

    def _secret_of(self, principal: Principal) -> Path:
        return self.directory / "secrets" / f"{principal.role}-{principal.name}"

    def _mend_broker(self) -> None:
        """Finish a change of the broker's key that was cut short."""
        pair = read_secret(self.directory / "broker.secret")
        if self.broker_key() != pair.public:
            self._write_broker(pair)

    def _write_broker(self, pair: KeyPair) -> None:
        write_secret(self.directory / "broker.secret", pair)
        replace_file(self._public, f"{pair.public}\n", mode=0o644)

    @contextmanager
    def _changing(self, *, make: bool = False) -> Iterator[None]:
        """Alone among those who change this directory."""
        with self._told():
            if make:
                self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                (self.directory / "secrets").mkdir(mode=0o700, exist_ok=True)
            found = self.directory.stat()
            if found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022:
                fault = f"{self.directory}: others may write into it"
                remedy = f"chmod 700 {self.directory}"
                raise InputError("cannot keep keys there", [fault], remedy=remedy)
            lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            path = error.filename or self.directory
            raise HostError(
                f"cannot use the keys of a cluster: {path}: {error.strerror}",
                remedy="make them by starting maelstrom-broker, or name another directory",
            ) from None


def _by_role_and_name(entry: Entry) -> tuple[int, str]:
    return ROLES.index(entry.principal.role), entry.principal.name
