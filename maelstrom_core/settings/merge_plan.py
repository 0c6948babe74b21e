"""Who decides a setting: the command line, the environment, files, the default. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from maelstrom_core.errors import InputError
from maelstrom_core.settings.schema import BadValue, Schema

COMMON_PREFIX = "MAELSTROM"
"""Of variables that every program of ours obeys."""


@attrs.frozen
class Source:
    """Some values and where they come from.

    :param origin: for people (``/etc/xdg/…/config.toml``)
    :param values: by name, as they were written
    """

    origin: str
    values: Mapping[str, object]


class Settings:
    """All settings of a run, frozen; each is an attribute by its name in Python.

    :param values: as they were understood
    :param written: as they were written; ``None`` for what is not set
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        origins: Mapping[str, str],
        written: Mapping[str, object],
    ) -> None:
        self._values = dict(values)
        self._origins = dict(origins)
        self._written = dict(written)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._values:
            raise AttributeError(f"there is no setting {name}")
        return self._values[name]

    def origin(self, name: str) -> str:
        """Where a setting's value comes from."""
        return self._origins[name]

    def described(self) -> str:
        """Every setting, its value and where that comes from; one line of TOML each.

        Read back from a file of settings, they are the same.
        """
        from maelstrom_core.settings.shown_plan import Shown, lines  # seldom asked for

        return "\n".join(
            lines(
                Shown(name.replace("_", "-"), self._written[name], value, self._origins[name])
                for name, value in self._values.items()
            )
        )


def from_environment(schema: Schema, environment: Mapping[str, str]) -> list[Source]:
    """Values of the program's own variables, then of the common ones.

    Whatever begins with the program's own prefix is taken, so that a misspelt one is refused. Of the
    common prefix only what is known: the rest may be another program's.
    """
    own = f"{schema.prefix}_"
    sources = []
    # A program's own prefix may be the common one; its faults are told once even so.
    if schema.prefix != COMMON_PREFIX:
        for variable in sorted(name for name in environment if name.startswith(own)):
            name = variable.removeprefix(own).lower().replace("_", "-")
            sources.append(Source(f"${variable}", {name: environment[variable]}))
    for field in schema:
        variable = f"{COMMON_PREFIX}_{field.attribute.upper()}"
        if variable in environment:
            sources.append(Source(f"${variable}", {field.name: environment[variable]}))
    return sources


def merge(schema: Schema, sources: Sequence[Source]) -> Settings:
    """One value for each setting: of the first source that has it.

    :param sources: most important first
    :raises InputError: all unknown names and bad values of all sources, each with its source
    """
    faults = []
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    decisive: dict[str, object] = {}
    names = schema.names()
    for source in sources:
        for name in source.values:
            if name not in names:
                import difflib  # needed for wrong names only

                near = difflib.get_close_matches(str(name), names, n=1)
                hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(names)}"
                faults.append(f"{source.origin}: {name}: unknown{hint}")
    for field in schema:
        default = Source("default", {field.name: field.default})
        for source in (*sources, default):
            if field.name not in source.values:
                continue
            written = source.values[field.name]
            try:
                absent = source is default and written is None
                value = None if absent else field.read(written)
            except BadValue as bad:
                faults.append(f"{source.origin}: {field.name}: {written!r} must be {bad}")
                continue
            # Sources that do not decide are read as well, so that their faults are told.
            if field.attribute not in values:
                values[field.attribute], origins[field.attribute] = value, source.origin
                decisive[field.attribute] = written
    if faults:
        raise InputError("bad settings", faults)
    return Settings(values, origins, decisive)
