"""A TOML file of the project's."""

from pathlib import Path
from typing import Any

from maelstrom_core.errors import InputError, UsageError


def read_toml(path: Path) -> dict[str, Any] | None:
    """What a file says; ``None`` if it is not there.

    :raises InputError: if it is no TOML
    :raises UsageError: if it cannot be read
    """
    try:
        return parse_toml(path.read_bytes(), str(path), what=path.name)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def parse_toml(data: bytes, name: str, *, what: str | None = None) -> dict[str, Any]:
    """What a text says.

    :param name: of the file it comes from
    :param what: the same, in short
    :raises InputError: if it is no TOML
    """
    import tomllib  # most hosts have no file of settings

    try:
        # As Python reads text files.
        text = data.decode().replace("\r\n", "\n").removeprefix("\ufeff")
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{what or name} cannot be used", [f"{name}: {error}"]) from None
