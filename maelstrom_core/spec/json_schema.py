"""What readers take, as a JSON Schema for editors. Pure."""

from collections.abc import Mapping
from typing import Any

from maelstrom_core.spec.commands import command_shape
from maelstrom_core.spec.container import container_readers, layer
from maelstrom_core.spec.environment import elements
from maelstrom_core.spec.mounts import mount
from maelstrom_core.spec.reading import shape_of
from maelstrom_core.spec.words import WORDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PARTS: Mapping[str, Any] = {
    "layer": shape_of(layer),
    "mount": shape_of(mount),
    "environment": shape_of(elements),
    "command_layer": command_shape(container_readers()),
}
"""What is used in many places, and written down once."""

_KEYS_OF_FILES = {"containers", "layers"}
"""What has one of these is a file, a container, a job or a directive: its keys have words."""


def schema(shape: Mapping[str, Any], *, title: str) -> dict[str, Any]:
    """A whole schema.

    :param shape: what a file may be
    :param title: one line for people
    """
    parts = {name: _written(part) for name, part in _PARTS.items()}
    return {"$schema": DIALECT, "title": title, **_with_references(shape), "$defs": parts}


def _with_references(shape: Any) -> Any:
    for name, part in _PARTS.items():
        if shape == part:
            return {"$ref": f"#/$defs/{name}"}
    if isinstance(shape, Mapping):
        return _written(shape)
    if isinstance(shape, list):
        return [_with_references(value) for value in shape]
    return shape


def _written(shape: Mapping[str, Any]) -> dict[str, Any]:
    written = {key: _with_references(value) for key, value in shape.items()}
    keys = written.get("properties", {})
    if _KEYS_OF_FILES & set(keys):
        written["properties"] = {key: _in_words(key, value) for key, value in keys.items()}
    return written


def _in_words(key: str, shape: Any) -> Any:
    words = WORDS.get(key)
    if not words or not isinstance(shape, dict):
        return shape
    of_its_kind = f" ({shape['description']})" if "description" in shape else ""
    return {**shape, "description": words + of_its_kind}
