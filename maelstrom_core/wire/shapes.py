"""Checks of what a peer has sent: types, ranges and counts. Pure.

A check takes a decoded value and gives back the value to be used, or raises `BadMessage`. On the hot
path it is one call for each job, so rows are checked by hand-written functions in `messages`.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

Check: TypeAlias = Callable[[Any], Any]

DIGEST_BYTES = 32
SESSION_BYTES = 16
MOST_WHOLE = (1 << 63) - 1


class BadMessage(Exception):
    """A peer has sent what no peer of ours sends; its text is for logs."""


class NotAllowed(BadMessage):
    """A peer has sent what others may send, and not those of its role."""


def whole(least: int = 0, most: int = MOST_WHOLE) -> Check:
    """A whole number within bounds."""

    def check(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise BadMessage(f"not a whole number from {least} to {most}: {shown(value)}")
        return value

    return check


def octets(least: int, most: int) -> Check:
    """Bytes of a length within bounds."""

    def check(value: Any) -> bytes:
        if type(value) is not bytes or not least <= len(value) <= most:
            raise BadMessage(f"not {least} to {most} bytes: {shown(value)}")
        return value

    return check


def long_octets(least: int, most: int) -> Check:
    """The same, or a view of some, where the codec has not copied them."""

    def check(value: Any) -> bytes | memoryview:
        if type(value) not in (bytes, memoryview) or not least <= len(value) <= most:
            raise BadMessage(f"not {least} to {most} bytes: {shown(value)}")
        return value  # type: ignore[no-any-return]

    return check


def text(most: int) -> Check:
    """A printable text of so many characters at most."""

    def check(value: Any) -> str:
        if type(value) is not str or len(value) > most:
            raise BadMessage(f"not a text of {most} characters: {shown(value)}")
        if not value.isprintable():
            raise BadMessage(f"a text with control characters: {shown(value)}")
        return value

    return check


def prose(most: int) -> Check:
    """A text for people, which may have lines; other control characters are replaced."""

    def check(value: Any) -> str:
        if type(value) is not str or len(value) > most:
            raise BadMessage(f"not a text of {most} characters: {shown(value)}")
        return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in value)

    return check


def truth(value: Any) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise BadMessage(f"neither true nor false: {shown(value)}")
    return value


def each(check: Check, most: int) -> Check:
    """A list of so many items at most, as a tuple."""

    def check_all(value: Any) -> tuple[Any, ...]:
        if type(value) is not list or len(value) > most:
            raise BadMessage(f"not a list of {most} items at most: {shown(value)}")
        return tuple(map(check, value))

    return check_all


digest = octets(DIGEST_BYTES, DIGEST_BYTES)
session = octets(SESSION_BYTES, SESSION_BYTES)


def shown(value: Any) -> str:
    """A short form for logs of a value that may be large and hostile."""
    try:
        found = repr(value[:16] if isinstance(value, bytes | str | list) else value)
    except Exception:  # whatever a decoded value does when it is shown, it ends here
        found = type(value).__name__
    return found if len(found) <= 80 else found[:79] + "…"
