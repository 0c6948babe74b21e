"""Which user an image wants to be, in numbers: ``User`` of its configuration. Pure.

OCI image-spec, config.md: ``user``, ``uid``, ``user:group``, ``uid:gid``, ``uid:group``, ``user:gid``.
Without a group, it is that of ``/etc/passwd``, or else 0, as Docker and podman have it.
"""

_LARGEST_ID = (1 << 32) - 2
"""The one above means "no id" to the kernel."""


def user_of(text: str, passwd: bytes, group: bytes) -> tuple[int, int] | None:
    """Ids of user and group.

    :param text: as the configuration has it; empty for root
    :param passwd: what the image has in its file of users
    :param group: what it has in its file of groups
    :return: ``None`` if one of them has a name that is in neither file, or is no id
    """
    user, _, own_group = text.partition(":")
    known = _rows(passwd, 2, 3)
    by_id = {ids[0]: ids for ids in reversed(known.values())}
    number = _id(user or "0")
    found = known.get(user) or (None if number is None else by_id.get(number))
    uid = found[0] if found else number
    if own_group:
        groups = _rows(group, 2)
        gid = groups[own_group][0] if own_group in groups else _id(own_group)
    else:
        gid = found[1] if found else 0
    return None if uid is None or gid is None else (uid, gid)


def _rows(file: bytes, *columns: int) -> dict[str, list[int]]:
    """Numbers of each name whose line has them; the first line of a name holds."""
    found: dict[str, list[int]] = {}
    for line in file.decode("utf-8", "replace").splitlines():
        parts = line.split(":")
        numbers = [_id(parts[column]) if len(parts) > column else None for column in columns]
        known = [number for number in numbers if number is not None]
        if parts[0] and len(known) == len(columns):
            found.setdefault(parts[0], known)
    return found


def _id(text: str) -> int | None:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 else None
    return number if number is not None and number <= _LARGEST_ID else None
