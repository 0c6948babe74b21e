"""CURVE key pairs, and the files that hold them: a secret key in Z85, for its owner's eyes only."""

import os
import secrets
import stat
from pathlib import Path

import attrs
import zmq

from maelstrom_core.errors import InputError
from maelstrom_core.transport.principal import KEY_RULE, is_key

_READ_BYTES = 4096


@attrs.frozen
class KeyPair:
    """Both halves, in Z85. The secret one is not shown."""

    public: str
    secret: str = attrs.field(repr=False)


def new_key_pair() -> KeyPair:
    """A new pair, from the system's source of randomness."""
    public, secret = zmq.curve_keypair()
    return KeyPair(public.decode(), secret.decode())


def pair_of(secret: str) -> KeyPair:
    """The pair of which this is the secret half."""
    return KeyPair(zmq.curve_public(secret.encode()).decode(), secret)


def write_secret(path: Path, pair: KeyPair) -> None:
    """Keep a pair in a file that nobody else can read, in place of what was there.

    :raises OSError: if that is not possible; then what was there is as it was
    """
    replace_file(path, f"{pair.secret}\n", mode=0o600)


def read_secret(path: Path) -> KeyPair:
    """Read what `write_secret` wrote.

    :raises InputError: if others may read the file, it is somebody else's, or it holds no key
    :raises OSError: if it cannot be read
    """
    text = read_own_file(path, refused_mode=0o077, what="secret key", remedy=f"chmod 600 {path}")
    if not is_key(text.strip()):
        # What is in it may be most of a key: it is not shown.
        raise InputError("cannot use the secret key", [f"{path}: holds none: {KEY_RULE}"])
    return pair_of(text.strip())


def read_own_file(path: Path, *, refused_mode: int, what: str, remedy: str) -> str:
    """Read a small file, if nobody else could have done with it what they must not.

    :param refused_mode: bits of its mode that must not be set
    :raises InputError: if one is, if it is another user's, or not a file of text
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"cannot use the {what}", [f"{path}: is not a file"])
        if found.st_uid not in (0, os.geteuid()):
            fault = f"{path}: belongs to user {found.st_uid}, who could change it at any time"
            raise InputError(f"cannot use the {what}", [fault])
        if found.st_mode & refused_mode:
            mode = stat.filemode(found.st_mode)
            verb = "read" if refused_mode & 0o044 else "write"
            raise InputError(
                f"cannot use the {what}", [f"{path}: others may {verb} it ({mode})"], remedy=remedy
            )
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read() if refused_mode == 0o022 else file.read(_READ_BYTES)
    finally:
        os.close(descriptor)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InputError(f"cannot use the {what}", [f"{path}: is not text"]) from None


def replace_file(path: Path, text: str, *, mode: int) -> None:
    """Write a file beside, with this mode from its first moment on, and put it into place whole.

    :raises OSError: if that is not possible; then what was there is as it was
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(beside, flags, mode)
    try:
        with open(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.rename(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
