"""Writes a file for people to start from, and never over one that is there."""

from pathlib import Path

from maelstrom_core.errors import UsageError


def write_new(path: Path, text: str) -> None:
    """Write it.

    :raises UsageError: if there is such a file already, or it cannot be written
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already", remedy="it was left as it is") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
