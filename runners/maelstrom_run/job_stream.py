"""JSON objects, one after the other, out of the pieces in which text comes. Pure.

They need nothing between them, and may be spread over lines: each is given as soon as its last brace
has come. So JSON Lines can be read as well.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import attrs

MOST_BYTES = 16 << 20
"""Of one object: what is no end of text must not fill the memory."""
# A whole text, or a brace or bracket outside of texts.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]', re.S)
_SPACE = b" \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class BadStream(ValueError):
    """What comes is not a stream of JSON objects; nothing after it can be understood.

    :param line: where, from 1
    """

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line


@attrs.frozen
class Found:
    """One object.

    :param number: from 1
    :param line: where it begins, from 1
    """

    number: int
    line: int
    table: dict[str, Any]


class JobStream:
    """Takes pieces of a text and gives the objects that are whole by that."""

    def __init__(self) -> None:
        self._text = b""
        self._looked = 0
        self._depth = 0
        self._line = 1
        self._number = 0
        self._is_first = True

    def take(self, data: bytes) -> Iterator[Found]:
        """Take in a piece.

        :raises BadStream: for what is no JSON object
        """
        self._text += data
        if self._is_first and len(self._text) >= len(_BYTE_ORDER_MARK):
            self._is_first = False
            self._text = self._text.removeprefix(_BYTE_ORDER_MARK)
        while True:
            self._skip_space()
            if not self._text:
                return
            if self._text[:1] != b"{":
                if _BYTE_ORDER_MARK.startswith(self._text):
                    return
                raise BadStream(self._line, f"expected {{ of a JSON object, not {self._shown()}")
            if (found := self._one_line()) is not None:
                yield found
                continue
            size = self._end_of_object()
            if size is None:
                if len(self._text) > MOST_BYTES:
                    raise BadStream(self._line, f"an object of more than {MOST_BYTES} bytes")
                return
            yield self._object(self._text[:size])
            self._text = self._text[size:]

    def end(self) -> None:
        """Nothing will follow.

        :raises BadStream: in the middle of an object
        """
        if self._text.strip(_SPACE):
            raise BadStream(self._line, "the JSON object that begins here does not end")

    def _skip_space(self) -> None:
        if self._depth:
            return
        rest = self._text.lstrip(_SPACE)
        self._line += self._text.count(b"\n", 0, len(self._text) - len(rest))
        self._text = rest

    def _shown(self) -> str:
        line = self._text.split(b"\n", 1)[0].decode("utf-8", "replace")
        return repr(line if len(line) < 40 else line[:36] + "…")

    def _one_line(self) -> Found | None:
        """The object, if its line is just that, as in JSON Lines; looking for its end costs more."""
        end = self._text.find(b"\n")
        if self._looked or end < 0 or not self._text.endswith((b"}", b"}\r"), 0, end):
            return None
        try:
            table = _DECODER.decode(self._text[:end].decode())
        except (ValueError, RecursionError):
            return None  # it ends elsewhere, or will be told of with its place
        found = Found(self._number + 1, self._line, table)
        self._number += 1
        self._text = self._text[end:]
        return found

    def _end_of_object(self) -> int | None:
        """How many bytes it has, if its end has come; goes on where it stopped looking."""
        while found := _TOKEN.search(self._text, self._looked):
            # The text of an unfinished string may hold what looks like another one's beginning.
            quote = self._text.find(b'"', self._looked, found.start())
            if quote >= 0:
                self._looked = quote
                return None
            self._looked = found.end()
            token = found[0]
            if token in b"{[":
                self._depth += 1
            elif token in b"}]":
                self._depth -= 1
                if not self._depth:
                    self._looked, end = 0, self._looked
                    return end
        quote = self._text.find(b'"', self._looked)
        self._looked = quote if quote >= 0 else len(self._text)
        return None

    def _object(self, text: bytes) -> Found:
        line = self._line
        self._line += text.count(b"\n")
        self._number += 1
        try:
            table = _DECODER.decode(text.decode())
        except json.JSONDecodeError as error:
            raise BadStream(line + error.lineno - 1, f"no JSON: {error.msg}") from None
        except UnicodeDecodeError as error:
            bad = line + text.count(b"\n", 0, error.start)
            raise BadStream(bad, "not UTF-8") from None
        except (_Twice, RecursionError) as error:
            raise BadStream(line, str(error)) from None
        return Found(self._number, line, table)


class _Twice(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Twice(f"no JSON: {twice!r} is there twice in one object")
    return table


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)
