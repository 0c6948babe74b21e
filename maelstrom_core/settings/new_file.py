"""Writes a file for people to start from, and never over one that is there."""

from pathlib import Path


def write_new(path: Path, text: str) -> str:
    """Write it.

    :return: why that was not done, for people; empty if it was
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return f"{path} is there already; nothing was written"
    except OSError as error:
        return f"{path}: {error.strerror}"
    return ""
