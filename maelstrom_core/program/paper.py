"""What lines are written on: in colours by Rich, or plainly where nobody would see those.

Rich takes a tenth of a second of CPU time for a thousand lines, and some to be imported: for pipes, logs
and CI, where it writes the texts as they are, they are written as they are.
"""

import os
import re
import sys
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    pass

_WANT_COLOURS = ("FORCE_COLOR", "TTY_COMPATIBLE")
"""Variables that have Rich write colours where there is no terminal."""
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
"""Of terminals: control sequences, commands to the system, single ones (ECMA-48, 5.3 to 5.6)."""
_CONTROLS = str.maketrans("", "", "\a\b\v\f\r")


class Paper(Protocol):
    """Something to write lines on."""

    def line(self, *parts: tuple[str, str]) -> None:
        """Write a line of texts, each with its style in the words of Rich, or none."""

    def ready(self, text: str) -> None:
        """Write a line that may have colours already, as terminals have them."""


class Plain:
    """Writes without colours.

    :param file: standard output or error, by its name: whoever exchanges it is heeded
    """

    def __init__(self, file: str) -> None:
        self._file = file

    def line(self, *parts: tuple[str, str]) -> None:
        """See `Paper`."""
        self._write("".join(text for text, _ in parts))

    def ready(self, text: str) -> None:
        """See `Paper`."""
        self._write(_ESCAPES.sub("", text))

    def _write(self, text: str) -> None:
        file: TextIO = getattr(sys, self._file)
        encoding = file.encoding or "utf-8"
        # Names of files may be no text at all.
        said = text.translate(_CONTROLS).encode(encoding, "backslashreplace").decode(encoding)
        file.write(f"{said}\n")
        file.flush()


class Coloured:
    """Writes in colours, as far as the terminal has them."""

    def __init__(self, file: str) -> None:
        from rich.console import Console

        self.console: Console = Console(
            file=getattr(sys, file), soft_wrap=True, highlight=False, emoji=False
        )

    def line(self, *parts: tuple[str, str]) -> None:
        """See `Paper`."""
        from rich.text import Text

        text = Text()
        for part, style in parts:
            text.append(part, style or "none")
        self.console.print(text)

    def ready(self, text: str) -> None:
        """See `Paper`."""
        from rich.text import Text

        self.console.print(Text.from_ansi(text))


def paper(file: str) -> Paper:
    """What to write on.

    :param file: ``stdout`` or ``stderr``
    """
    stream: TextIO = getattr(sys, file)
    if stream.isatty() or any(os.environ.get(name) for name in _WANT_COLOURS):
        return Coloured(file)
    return Plain(file)
