"""The file ``authorized``: whom a broker knows. One line each: role, name, public key.

Empty lines, and lines that begin with ``#``, say nothing. They are kept when others are changed.
"""

from collections.abc import Mapping

from maelstrom_core.errors import InputError
from maelstrom_core.transport.principal import KEY_RULE, Principal, is_key, principal_faults

HEADER = "# Who may join: role, name, public key. Read again when it has changed.\n"


def parse_authorized(text: str, path: str) -> dict[str, Principal]:
    """Whose each public key is.

    :param path: the file's, to be named in errors
    :raises InputError: with all faults and their lines, if there is any
    """
    known: dict[str, Principal] = {}
    lines: dict[Principal, int] = {}
    faults: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        here = f"{path}:{number}"
        if len(words) != 3:
            faults.append(f"{here}: expected role, name and public key, and got {len(words)} words")
            continue
        role, name, key = words
        wrong = principal_faults(role, name)
        if not is_key(key):
            wrong.append(f"unfit key {key!r}: {KEY_RULE}")
        elif key in known:
            wrong.append(f"{known[key]} has this key already, in line {lines[known[key]]}")
        principal = Principal(role, name)
        if principal in lines:
            wrong.append(f"{principal} has a key already, in line {lines[principal]}")
        faults += [f"{here}: {one}" for one in wrong]
        if not wrong:
            known[key] = principal
            lines[principal] = number
    if faults:
        raise InputError("cannot use the list of who may join", faults)
    return known


def with_key(text: str, principal: Principal, key: str) -> str:
    """The file, with this key as the one that this principal has: in its old line, or in a new one."""
    line = f"{principal.role} {principal.name} {key}"
    lines = text.splitlines()
    replaced = [line if _is_of(old, principal) else old for old in lines]
    if not any(_is_of(old, principal) for old in lines):
        replaced.append(line)
    return "\n".join(replaced) + "\n"


def without(text: str, principal: Principal) -> str:
    """The file without a principal's line."""
    return "".join(f"{line}\n" for line in text.splitlines() if not _is_of(line, principal))


def keys_of(known: Mapping[str, Principal]) -> dict[Principal, str]:
    """Which key each has."""
    return {principal: key for key, principal in known.items()}


def _is_of(line: str, principal: Principal) -> bool:
    return line.split()[:2] == [principal.role, principal.name]
