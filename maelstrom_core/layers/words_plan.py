"""What a layer is, in one line for people. Pure."""

import shlex
from typing import assert_never

from maelstrom_core.model.layers import (
    CommandLayer,
    GlobLayer,
    HostTreeLayer,
    LayerSpec,
    PathsLayer,
    SharedLibrariesLayer,
    StoredLayer,
    StubsLayer,
    SymlinksLayer,
    TarLayer,
)

_SHOWN = 3
"""Names of a layer that are shown; of the others, how many there are."""


def in_words(layer: LayerSpec) -> str:
    """A layer in one line, for people."""
    match layer:
        case PathsLayer(paths=paths):
            return f"files: {_some(paths)}"
        case GlobLayer(globs=globs, root=root, exclude=exclude):
            without = f" without {_some(exclude)}" if exclude else ""
            return f"a snapshot of {root}: {_some(globs)}{without}"
        case StubsLayer(stubs=stubs):
            return f"empty: {_some(stubs)}"
        case SymlinksLayer(symlinks=links):
            return f"links: {_some([f'{one.link} → {one.target}' for one in links])}"
        case TarLayer(tar=tar):
            return f"the archive {tar}"
        case SharedLibrariesLayer(binaries=binaries):
            return f"libraries of {_some(binaries)}"
        case HostTreeLayer(path=path):
            return f"{path}, in place"
        case StoredLayer(digest=digest, origin=origin):
            return f"{digest.short} of {origin}"
        case CommandLayer(command=command):
            return f"made by {shlex.join(command)}"
        case _:
            assert_never(layer)


def _some(names: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
