"""Reads the files and the environment. The one door to TOML."""

import os
from collections.abc import Mapping
from os.path import isabs, isfile
from pathlib import Path

from maelstrom_core.errors import InputError, UsageError
from maelstrom_core.settings.merge_plan import Settings, Source, from_environment, merge
from maelstrom_core.settings.schema import Schema


def load(
    schema: Schema,
    command_line: Mapping[str, object],
    *,
    environment: Mapping[str, str],
    config_file: str | None = None,
) -> Settings:
    """The settings of a run: command line, environment, files, defaults, in this order.

    :param command_line: only what was given there, by name
    :param config_file: read this file alone; ``-`` for none
    :raises InputError: all faults of all sources
    :raises UsageError: for a named file that cannot be read
    """
    if config_file == "-":
        files: list[Path] = []
    elif config_file is not None:
        files = [Path(config_file)]
    else:
        # Not Path.is_file: it raises for what may not be looked at, which XDG says to skip.
        files = [path for path in default_files(schema.program, environment) if isfile(path)]
    sources = [Source("command line", command_line), *from_environment(schema, environment)]
    return merge(schema, [*sources, *map(_read, files)])


def default_files(program: str, environment: Mapping[str, str]) -> list[Path]:
    """Where settings are looked for, most important first (XDG Base Directory Specification).

    Relative directories are ignored, as that specification demands: else the settings of a run
    would depend on where it is started.
    """
    home = environment.get("XDG_CONFIG_HOME", "")
    if not isabs(home):
        home = os.path.join(environment.get("HOME", "/"), ".config")
    directories = [home, *(environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")]
    return [Path(one, "maelstrom", program, "config.toml") for one in directories if isabs(one)]


def _read(path: Path) -> Source:
    import tomllib  # most hosts have no file of settings

    try:
        return Source(str(path), tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError("bad settings", [f"{path}: {error}"]) from None
    except OSError as error:
        raise UsageError(f"settings file {path}: {error.strerror}") from None
