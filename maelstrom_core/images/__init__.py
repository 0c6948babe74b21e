"""Container images: from registries, layouts and archives into the store."""

from maelstrom_core.images.reference import BadReference, Reference, parse

__all__ = ["BadReference", "Reference", "parse"]
