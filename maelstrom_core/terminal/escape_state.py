"""What keys mean to us, and which are the job's. Pure.

While a terminal is attached all keys are the job's, Ctrl-C and Ctrl-Z too. The *escape character* is
the way back: followed by Ctrl-C it interrupts us, followed by Ctrl-Z it suspends us, followed by itself
it is typed once. Followed by anything else, or by nothing for a while, it is an ordinary key.
"""

from typing import TypeAlias

import attrs

ESCAPE = b"\x1d"
"""Ctrl-], as telnet has it."""
PATIENCE_SECONDS = 1.5
_INTERRUPT, _SUSPEND = b"\x03", b"\x1a"


@attrs.frozen
class Typed:
    """The job's."""

    data: bytes


@attrs.frozen
class Interrupt:
    """The user wants us to be interrupted."""


@attrs.frozen
class Suspend:
    """The user wants us to be suspended."""


Meaning: TypeAlias = Typed | Interrupt | Suspend


class EscapeState:
    """Reads keys.

    :param escape: one byte; nothing for none
    """

    def __init__(self, escape: bytes = ESCAPE) -> None:
        self._escape = escape
        self._escaped = False

    @property
    def waits(self) -> bool:
        """Whether what comes next may be for us: if nothing does, tell by `expire`."""
        return self._escaped

    def take(self, data: bytes) -> list[Meaning]:
        """Take in keys; what they mean, in order."""
        meanings: list[Meaning] = []
        plain = bytearray()

        def end_plain() -> None:
            if plain:
                meanings.append(Typed(bytes(plain)))
                plain.clear()

        for key in (data[index : index + 1] for index in range(len(data))):
            if not self._escaped:
                if key == self._escape:
                    self._escaped = True
                else:
                    plain += key
                continue
            self._escaped = False
            if key == _INTERRUPT:
                end_plain()
                meanings.append(Interrupt())
            elif key == _SUSPEND:
                end_plain()
                meanings.append(Suspend())
            elif key == self._escape:
                plain += key
            else:
                plain += self._escape + key
        end_plain()
        return meanings

    def expire(self) -> list[Meaning]:
        """Nothing came for a while: it was an ordinary key."""
        if not self._escaped:
            return []
        self._escaped = False
        return [Typed(self._escape)]
