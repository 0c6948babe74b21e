"""The name of a job for people, out of its body. Pure.

A broker passes bodies on unread. But people who look at it want names, and to have each client say them
once more would cost memory for every job that waits. So a job's body begins with what can be read
without the rest: whether it is here, its program, its arguments, its name (as `cluster/bodies.py` makes
it; a test holds them together). Nothing is decided by it, and bytes that are no such body have no name.
"""

HEAD_BYTES = 1 << 10
"""Of a body, in which a name is looked for; longer arguments hide it."""
_HERE = 0
_TEXT, _OCTETS, _LIST = 3, 2, 4


def label_of(body: bytes) -> str:
    """The name; empty if there is none to be seen.

    :param body: of a job, or its first `HEAD_BYTES`
    """
    try:
        return _label_of(body[:HEAD_BYTES])
    except (IndexError, ValueError):
        return ""


def _label_of(body: bytes) -> str:
    if body[0] != _HERE:
        return ""
    kind, count, at = _head(body, 1)
    if kind != _LIST or count < 3:
        return ""
    _, at = _text(body, at)
    kind, count, at = _head(body, at)
    if kind != _LIST:
        return ""
    for _ in range(count):
        _, at = _text(body, at)
    return _text(body, at)[0]


def _text(body: bytes, at: int) -> tuple[str, int]:
    kind, size, at = _head(body, at)
    end = at + size
    if kind not in (_TEXT, _OCTETS) or end > len(body):
        raise ValueError
    return body[at:end].decode(errors="replace"), end


def _head(body: bytes, at: int) -> tuple[int, int, int]:
    """Kind and size of an item of CBOR, and where it goes on (RFC 8949, section 3)."""
    kind, size = body[at] >> 5, body[at] & 0x1F
    if size < 24:
        return kind, size, at + 1
    if size > 26:
        raise ValueError
    width = 1 << (size - 24)
    return kind, int.from_bytes(body[at + 1 : at + 1 + width], "big"), at + 1 + width
