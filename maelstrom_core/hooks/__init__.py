"""How others extend us: all that a plugin author imports."""

from pluggy import HookimplMarker

hookimpl = HookimplMarker("maelstrom")
"""Marks a function as an implementation of one of the hooks in `maelstrom_core.hooks.specs`."""

__all__ = ["hookimpl"]
