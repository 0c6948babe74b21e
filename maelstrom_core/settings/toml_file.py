"""A TOML file of the project's."""

import tomllib
from pathlib import Path
from typing import Any

from maelstrom_core.errors import InputError, UsageError


def read_toml(path: Path) -> dict[str, Any] | None:
    """What a file says; ``None`` if it is not there.

    :raises InputError: if it is no TOML
    :raises UsageError: if it cannot be read
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} cannot be used", [f"{path}: {error}"]) from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
