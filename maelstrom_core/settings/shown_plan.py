"""Settings as they are shown: lines of TOML, which may be put into a file of settings as they are. Pure.

Each value is shown as it was written, not as it was understood: nobody writes a key as the byte that it
sends, or no limit as nothing. What is not set, what is secret, and what TOML cannot say, is a comment.
"""

import json
from collections.abc import Iterable
from typing import Any

import attrs


@attrs.frozen
class Shown:
    """A setting that holds.

    :param written: its value as it was written; ``None`` if it is not set
    :param value: as it was understood
    """

    name: str
    written: object
    value: object
    origin: str


def lines(settings: Iterable[Shown]) -> list[str]:
    """One for each."""
    all_of_them = list(settings)
    width = max((len(one.name) for one in all_of_them), default=0)
    return [_line(one, width) for one in all_of_them]


def _line(one: Shown, width: int) -> str:
    # A path may have any letters, and a comment ends with its line.
    origin = "".join(letter if letter.isprintable() else "?" for letter in one.origin)
    if one.written is None:
        return f"# {one.name} is not set  # {origin}"
    without_secret = getattr(one.value, "without_secret", None)
    if without_secret is not None and without_secret != one.value:
        return f"# {one.name} is {without_secret} and a secret that is not shown  # {origin}"
    text = _toml(_shortest(one.written, one.value))
    if text is None:
        return f"# {one.name} cannot be written here: {one.written!a}  # {origin}"
    return f"{one.name:{width}} = {text}  # {origin}"


def _shortest(written: object, value: object) -> object:
    """What stands for it without quotation marks, if that says the same."""
    if isinstance(written, str) and isinstance(value, int) and str(value).lower() == written:
        return value
    return written


def _toml(value: Any) -> str | None:
    """A value as TOML writes it (toml.io, v1.0.0); ``None`` if it cannot."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            return None  # bytes of a variable that are no UTF-8
        # JSON's texts are TOML's, but for this one.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        items = [_toml(one) for one in value]
        return None if None in items else f"[{', '.join(map(str, items))}]"
    return None
