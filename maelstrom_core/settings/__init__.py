"""Command line, environment and files → one frozen object."""

from maelstrom_core.settings.load import load
from maelstrom_core.settings.merge_plan import Settings
from maelstrom_core.settings.schema import COMMON, Field, Schema

__all__ = ["COMMON", "Field", "Schema", "Settings", "load"]
