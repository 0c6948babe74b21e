"""What command lines of our programs have in common: settings as options, and which version this is."""

import argparse
from collections.abc import Iterable, Mapping

from maelstrom_core.settings.schema import Schema


class Version(argparse.Action):
    """Says which version this is; to know it takes long, and hardly anybody asks."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Say it."""
        from importlib.metadata import version

        del namespace, values, option_string
        print(version("pytest-maelstrom"))
        parser.exit()


def add_settings(
    parser: argparse.ArgumentParser, schema: Schema, options: Mapping[str, str]
) -> None:
    """Add an option for each of some settings, and those for the file of settings and for showing all.

    :param options: names of settings, and what stands for their values
    """
    add = parser.add_argument
    helps = {field.name: field.help for field in schema}
    for name, metavar in options.items():
        add(f"--{name}", metavar=metavar, help=helps[name])
    text = "file of settings instead of the usual ones; - for none"
    add("-c", "--config-file", metavar="FILE", help=text)
    text = "show every setting, and where its value comes from"
    add("-P", "--print-config", action="store_true", help=text)


def given(chosen: argparse.Namespace, names: Iterable[str]) -> dict[str, object]:
    """Values of settings that were given as options.

    :param names: of settings that have one
    """
    values = {name: getattr(chosen, name.replace("-", "_"), None) for name in names}
    return {name: value for name, value in values.items() if value is not None}
