"""Who talks: roles, names and public keys, and how they are written. Pure.

Keys are 32 bytes. ZeroMQ and our files write them in Z85; join strings, which people paste into
shells, in base64 for URLs.
"""

import base64
import difflib
import re
from collections.abc import Collection

import attrs

CLIENT = "client"
WORKER = "worker"
ADMIN = "admin"
ROLES = (CLIENT, WORKER, ADMIN)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_BASE85 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_FROM_Z85, _TO_Z85 = str.maketrans(_Z85, _BASE85), str.maketrans(_BASE85, _Z85)
_KEY_CHARACTERS, _KEY_BYTES = 40, 32
NAME_RULE = "a name begins with a letter or digit and has up to 63 of A-Z a-z 0-9 . _ -"
KEY_RULE = f"a key is {_KEY_CHARACTERS} characters of Z85"


@attrs.frozen
class Principal:
    """Who somebody is: what they may do (`ROLES`), and a name of their own within that."""

    role: str
    name: str

    def __str__(self) -> str:
        return f"{self.role}:{self.name}"


def nearest(name: str, names: Collection[str]) -> str:
    """The name that was probably meant, or all there are; the rest of a sentence."""
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(names) or 'none'}"


def principal_faults(role: str, name: str) -> list[str]:
    """All that is wrong with a role and a name."""
    faults = []
    if role not in ROLES:
        faults.append(f"unknown role {role!r}{nearest(role, ROLES)}")
    if not _NAME.fullmatch(name):
        faults.append(f"unfit name {name!r}: {NAME_RULE}")
    return faults


def is_key(text: str) -> bool:
    """Whether this is a key in Z85, be it public or secret."""
    if len(text) != _KEY_CHARACTERS or not set(text) <= set(_Z85):
        return False
    try:
        base64.b85decode(text.translate(_FROM_Z85))
    except ValueError:  # Five characters say more than four bytes can.
        return False
    return True


def key_to_bytes(key: str) -> bytes:
    """The 32 bytes of a key that `is_key`."""
    return base64.b85decode(key.translate(_FROM_Z85))


def key_from_bytes(data: bytes) -> str:
    """A key in Z85.

    :raises ValueError: if these are not 32 bytes
    """
    if len(data) != _KEY_BYTES:
        raise ValueError(f"a key has {_KEY_BYTES} bytes, not {len(data)}")
    return base64.b85encode(data).decode().translate(_TO_Z85)
