"""Layer recipes → manifests and trees in the store."""

from maelstrom_core.layers.make import MadeLayers, make_layers

__all__ = ["MadeLayers", "make_layers"]
