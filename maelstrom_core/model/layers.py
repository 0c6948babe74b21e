"""What a layer may be, as people and runners write it. Pure.

A layer is one directory tree of a container's root. What travels is the digest of its manifest
(`maelstrom_core.model.manifest`); these are the recipes from which manifests are made.
"""

from typing import TYPE_CHECKING, TypeAlias

import attrs

from maelstrom_core.model.digest import Digest
from maelstrom_core.model.plain import tagged_union

if TYPE_CHECKING:
    from maelstrom_core.model.container import ContainerSpec


@attrs.frozen(kw_only=True)
class Prefix:
    """How host paths become container paths, in this order.

    Without any, a relative path keeps its name under ``/`` and an absolute one stays as it is.

    :param follow_symlinks: take what a link points at instead of the link
    :param canonicalize: resolve the path first (``realpath``)
    :param strip: leading path to be taken away, if it is there
    :param prepend: path put in front
    """

    follow_symlinks: bool = False
    canonicalize: bool = False
    strip: str = ""
    prepend: str = ""


@attrs.frozen(kw_only=True)
class PathsLayer:
    """Single files, links and (empty) directories of the host, each under its own name.

    :param paths: relative to the project directory, or absolute
    :param optional: a path that is missing or unreadable is left out instead of being an error
    """

    paths: tuple[str, ...]
    prefix: Prefix = Prefix()
    optional: bool = False


@attrs.frozen(kw_only=True)
class GlobLayer:
    """All files below ``root`` that match.

    :param globs: patterns relative to ``root``; ``**`` crosses directories, ``{a,b}`` expands
    :param root: directory to walk, relative to the project directory or absolute
    :param exclude: patterns of what is left out; a directory that matches is not walked at all
    :param gitignore: leave out what ``.gitignore`` files below ``root`` say
    :param exclude_marked: leave out directories that hold a file of one of these names
        (``pyvenv.cfg``, ``CACHEDIR.TAG``)
    """

    globs: tuple[str, ...]
    root: str = "."
    exclude: tuple[str, ...] = ()
    gitignore: bool = False
    exclude_marked: tuple[str, ...] = ()
    prefix: Prefix = Prefix()


@attrs.frozen(kw_only=True)
class StubsLayer:
    """Empty files, and empty directories where the name ends in ``/``; braces expand.

    :param stubs: container paths (``/{proc,sys,tmp}/``, ``/dev/{null,zero}``)
    :param directory_mode: permission bits of the directories
    """

    stubs: tuple[str, ...]
    directory_mode: int = 0o755


@attrs.frozen
class Symlink:
    """One symbolic link: container path and the text it points at."""

    link: str
    target: str


@attrs.frozen(kw_only=True)
class SymlinksLayer:
    """Symbolic links that need not exist on the host."""

    symlinks: tuple[Symlink, ...]


@attrs.frozen(kw_only=True)
class TarLayer:
    """A tar archive of the host (plain, gzip, bzip2 or xz), OCI whiteouts honoured.

    :param tar: relative to the project directory, or absolute
    """

    tar: str


@attrs.frozen(kw_only=True)
class SharedLibrariesLayer:
    """The shared libraries that ELF programs need, their interpreter included, not themselves.

    :param binaries: relative to the project directory, or absolute
    """

    binaries: tuple[str, ...]
    prefix: Prefix = Prefix()


@attrs.frozen(kw_only=True)
class HostTreeLayer:
    """A tree of this host at its own absolute path, used in place and read-only.

    The local engine mounts it as it is; it is hashed only when a cluster needs its digest.

    :param path: absolute path of a directory or file
    :param target: container path; empty means the same
    """

    path: str
    target: str = ""


@attrs.frozen(kw_only=True)
class StoredLayer:
    """A layer that is in the store already, as those of images are.

    :param digest: of its manifest
    :param origin: where it comes from, for people
    """

    digest: Digest
    origin: str = ""


@attrs.frozen(kw_only=True)
class CommandLayer:
    """What a program changes in its container.

    It is run once for equal inputs: layers, program, arguments, environment and the rest of the
    container. It must exit with 0.

    :param command: program and arguments
    :param container: what it is run in; its root is writable and captured
    :param timeout: seconds; ``None`` for no limit
    """

    command: tuple[str, ...]
    container: "ContainerSpec"
    timeout: float | None = None


LayerSpec: TypeAlias = (
    PathsLayer
    | GlobLayer
    | StubsLayer
    | SymlinksLayer
    | TarLayer
    | SharedLibrariesLayer
    | HostTreeLayer
    | StoredLayer
    | CommandLayer
)
"""Every kind of layer there is."""

tagged_union(LayerSpec)


def escaped(path: str) -> str:
    """A path as a pattern of `GlobLayer` that matches nothing else."""
    return "".join(f"\\{letter}" if letter in "*?[]{}\\" else letter for letter in path)


def braced(path: str) -> str:
    """A path as a stub of `StubsLayer`: its braces are not expanded."""
    return "".join(f"\\{letter}" if letter in "{},\\" else letter for letter in path)
