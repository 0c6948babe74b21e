"""The file ``authorized``: whom a broker knows. One line each: role, name, public key.

Empty lines, and lines that begin with ``#``, say nothing. They are kept when others are changed. While
a key is being replaced its owner has two lines, the newer one last.
"""

from collections.abc import Mapping

from maelstrom_core.errors import InputError
from maelstrom_core.transport.principal import KEY_RULE, Principal, is_key, principal_faults

MOST_KEYS = 2
"""Of one principal: the old one and the new one."""
HEADER = "# Who may join: role, name, public key. Read again when it has changed.\n"


def parse_authorized(text: str, path: str) -> dict[str, Principal]:
    """Whose each public key is.

    :param path: the file's, to be named in errors
    :raises InputError: with all faults and their lines, if there is any
    """
    known: dict[str, Principal] = {}
    lines: dict[Principal, list[int]] = {}
    of_key: dict[str, int] = {}
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
            wrong.append(f"{known[key]} has this key already, in line {of_key[key]}")
        principal = Principal(role, name)
        if len(others := lines.get(principal, [])) == MOST_KEYS:
            where = " and ".join(map(str, others))
            wrong.append(f"{principal} has {MOST_KEYS} keys already, in lines {where}")
        faults += [f"{here}: {one}" for one in wrong]
        if not wrong:
            known[key] = principal
            of_key[key] = number
            lines.setdefault(principal, []).append(number)
    if faults:
        raise InputError("cannot use the list of who may join", faults)
    return known


def with_key(text: str, principal: Principal, key: str) -> str:
    """The file, with this key as the one that this principal has: in its old line, or in a new one."""
    line = f"{principal.role} {principal.name} {key}"
    lines: list[str] = []
    is_there = False
    for old in text.splitlines():
        if not _is_of(old, principal):
            lines.append(old)
        elif not is_there:
            lines.append(line)
            is_there = True
    return "\n".join(lines if is_there else [*lines, line]) + "\n"


def with_second_key(text: str, principal: Principal, key: str) -> str:
    """The file, with this key as a newer one that a principal has besides its own."""
    lines = text.splitlines()
    last = max(number for number, line in enumerate(lines) if _is_of(line, principal))
    lines.insert(last + 1, f"{principal.role} {principal.name} {key}")
    return "\n".join(lines) + "\n"


def without(text: str, principal: Principal) -> str:
    """The file without a principal's lines."""
    return "".join(f"{line}\n" for line in text.splitlines() if not _is_of(line, principal))


def keys_of(known: Mapping[str, Principal]) -> dict[Principal, list[str]]:
    """Which keys each has, the newest last."""
    found: dict[Principal, list[str]] = {}
    for key, principal in known.items():
        found.setdefault(principal, []).append(key)
    return found


def _is_of(line: str, principal: Principal) -> bool:
    return line.split()[:2] == [principal.role, principal.name]
