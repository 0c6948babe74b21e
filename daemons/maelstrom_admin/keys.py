"""What an administrator does with the keys of a cluster: all of it on the broker's machine."""

from pathlib import Path

from maelstrom_admin.status_plan import table
from maelstrom_core.errors import UsageError
from maelstrom_core.transport.join_plan import print_join
from maelstrom_core.transport.keyring import LOCAL_NAME, Keyring
from maelstrom_core.transport.keys import KeyPair


class Keys:
    """The keys in a directory.

    :param address: where others reach the broker; empty for where it listens now
    """

    def __init__(self, directory: Path, address: str) -> None:
        self._ring = Keyring(directory)
        self._address = address

    def make(self) -> str:
        """Make a cluster's keys, if there are none."""
        there = self._ring.exists()
        self._ring.ensure()
        what = "there are keys" if there else "made keys"
        return f"{what} of a cluster in {self._ring.directory}"

    def invite(self, role: str, name: str) -> str:
        """Let somebody join: the join string, which is shown this once."""
        address = self._reached_at()
        pair = self._ring.add(role, name)
        assert pair is not None
        return self._join(role, name, pair, address)

    def add(self, role: str, name: str, public_key: str) -> str:
        """Let somebody join who has made a key of their own."""
        self._ring.add(role, name, public_key)
        return (
            f"{role}:{name} may join with that key; the broker's public key is "
            f"{self._ring.broker_key()}"
        )

    def rotate(self, role: str, name: str, *, overlap: bool = False) -> str:
        """Give somebody a new key: the new join string.

        :param overlap: the old one holds until `finish`
        """
        kept = name == LOCAL_NAME
        address = "" if kept else self._reached_at()
        pair = self._ring.rotate(role, name, overlap=overlap)
        if kept:
            return f"{role}:{name} has a new key, where programs of this user find it"
        return self._join(role, name, pair, address)

    def finish(self, role: str, name: str) -> str:
        """Take the old key from somebody who has got a new one."""
        self._ring.finish(role, name)
        return f"the old key of {role}:{name} is worth nothing any more"

    def rotate_broker(self) -> str:
        """Give the broker a new key."""
        self._ring.rotate_broker()
        return (
            "the broker has a new key: start it again, and give out new join strings (keys rotate)"
        )

    def revoke(self, role: str, name: str) -> str:
        """Let somebody join no longer."""
        self._ring.revoke(role, name)
        return f"{role}:{name} may join no longer"

    def listed(self) -> list[str]:
        """Everybody who may join."""
        rows = [
            (
                one.principal.role,
                one.principal.name,
                "old" if one.is_old else "here" if one.is_kept else "-",
                one.public_key,
            )
            for one in self._ring.entries()
        ]
        return list(table(("role", "name", "secret key", "public key"), rows))

    def _join(self, role: str, name: str, pair: KeyPair, address: str) -> str:
        return print_join(self._ring.join(role, name, pair, address))

    def _reached_at(self) -> str:
        if self._address:
            return self._address
        address = self._ring.local_join("admin").address
        host = address.rpartition(":")[0]
        if host in ("127.0.0.1", "localhost", "[::1]"):
            raise UsageError(
                f"the broker listens on {address}, which no other machine can reach",
                remedy="start it with --listen=HOST:PORT, or say with --address where it is reached",
            )
        if host in ("0.0.0.0", "[::]", "*"):
            raise UsageError(
                f"the broker listens on every address ({address})",
                remedy="say with --address=HOST:PORT by which one it is reached",
            )
        return address
