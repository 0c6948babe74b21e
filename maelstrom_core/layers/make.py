"""Make layers: each recipe collected, put into the store, and leased.

Synchronous, for a worker thread. All faults of all layers are told together.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import attrs

from maelstrom_core.errors import InputError
from maelstrom_core.layers.collector import Collector, container_path
from maelstrom_core.layers.copied import OnCopied
from maelstrom_core.layers.known import KnownLayers
from maelstrom_core.layers.patterns import compiled, expand_braces
from maelstrom_core.layers.walk import Walk
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.layers import (
    CommandLayer,
    GlobLayer,
    HostTreeLayer,
    LayerSpec,
    PathsLayer,
    Prefix,
    SharedLibrariesLayer,
    StoredLayer,
    StubsLayer,
    SymlinksLayer,
    TarLayer,
)
from maelstrom_core.model.manifest import Entry, EntryKind
from maelstrom_core.store.leases import Lease
from maelstrom_core.store.store import Store

STUB_MTIME_NS = 1_700_000_000 * 1_000_000_000
"""Things that exist nowhere need a time all the same, always the same one."""


@attrs.frozen
class MadeLayers:
    """Layers that are in the store.

    :param digests: of their manifests, lowest first
    :param host_trees: those that are used in place
    :param lease: keeps them from eviction; release it when no job needs them any more
    """

    digests: tuple[Digest, ...]
    host_trees: tuple[HostTreeLayer, ...]
    lease: Lease


def make_layers(
    specs: Sequence[LayerSpec],
    *,
    project_directory: Path,
    store: Store,
    cancelled: Callable[[], bool] = lambda: False,
    known: KnownLayers | None = None,
    on_copied: OnCopied | None = None,
) -> MadeLayers:
    """Put layers into the store.

    :param project_directory: what relative paths are relative to
    :param cancelled: asked now and then; true ends it with an `InputError`
    :param known: layers that were made and are kept, and that those made now are added to; the caller
        clears it before it releases leases
    :param on_copied: told of files that take long
    :raises InputError: all faults of all layers, each with its path
    :raises maelstrom_core.errors.HostError: if the disk is full, the store damaged, …
    """
    project = os.fsencode(project_directory.absolute())
    known = KnownLayers() if known is None else known
    faults: list[str] = []
    trees: list[HostTreeLayer] = []
    made: list[Digest] = []
    new: list[LayerSpec] = []
    with store.making() as lease:
        try:
            for index, spec in enumerate(specs):
                collector = Collector(store, project, f"layers[{index}]", cancelled, on_copied)
                if isinstance(spec, CommandLayer):
                    collector.fault(": a program makes it, and it was not made before")
                elif isinstance(spec, HostTreeLayer):
                    _host_tree(spec, collector)
                    trees.append(spec)
                elif isinstance(spec, StoredLayer):
                    if not store.has_layer(spec.digest):
                        gone = f"{spec.digest.short} of {spec.origin or 'nobody knows what'}"
                        collector.fault(f": the store has no layer {gone}; run again")
                    made.append(spec.digest)
                else:
                    made += _made(spec, collector, known, new)
                faults += collector.faults
            if faults:
                raise InputError("layers cannot be made", faults)
            # An overlay refuses a directory that it has already; of equal layers the uppermost counts.
            digests = tuple(reversed(dict.fromkeys(reversed(made))))
            lease.add(digests)
            store.lower_directories(digests)
        except BaseException:
            # The lease ends with this block. Who has found one of them meanwhile is in such a block,
            # too: nothing is evicted before it has a lease of its own.
            known.drop(new)
            raise
    if store.grown:
        store.evict()
    return MadeLayers(digests, tuple(trees), lease)


def _made(
    spec: LayerSpec, collector: Collector, known: KnownLayers, new: list[LayerSpec]
) -> Iterator[Digest]:
    """The layer of one recipe, if there are no faults.

    :param new: recipes of which the layer was made here
    """
    with known.alone(spec) as digest:
        if digest is None:
            _collect(spec, collector)
            entries = collector.finish()
            if collector.faults:
                return
            digest = collector.store.add_manifest(entries)
            known.add(spec, digest)
            new.append(spec)
    yield digest


def _collect(spec: LayerSpec, collector: Collector) -> None:
    match spec:
        case PathsLayer():
            _paths(spec, collector)
        case GlobLayer():
            _glob(spec, collector)
        case StubsLayer():
            _stubs(spec, collector)
        case SymlinksLayer(symlinks=links):
            for link in links:
                collector.add(
                    Entry(
                        path=os.fsencode(link.link).lstrip(b"/"),
                        kind=EntryKind.SYMLINK,
                        mode=0o777,
                        mtime_ns=STUB_MTIME_NS,
                        target=os.fsencode(link.target),
                    )
                )
        case TarLayer(tar=path):
            from maelstrom_core.layers import tars  # few layers are one

            tars.collect(collector, collector.absolute(path), what=f".tar: {path}")
        case SharedLibrariesLayer(binaries=binaries, prefix=prefix):
            try:
                # Loads an ELF reader, which few runs need.
                from maelstrom_core.layers import elf

                found = elf.closure([os.fsdecode(collector.absolute(path)) for path in binaries])
            except InputError as error:
                for fault in error.faults:
                    collector.fault(f".shared_library_dependencies: {fault}")
                return
            # The loader looks for the name that was asked for: what a link points at comes under it.
            follow = attrs.evolve(prefix, follow_symlinks=True)
            for path in found:
                _host_path(collector, path, follow, what=f": {path}", optional=False)


def _paths(spec: PathsLayer, collector: Collector) -> None:
    for index, path in enumerate(spec.paths):
        what = f".paths[{index}]"
        _host_path(collector, path, spec.prefix, what=what, optional=spec.optional)


def _host_path(
    collector: Collector, path: str, prefix: Prefix, *, what: str, optional: bool
) -> None:
    name = os.fsencode(path)
    source = os.path.join(collector.project, name)
    try:
        found = os.stat(source) if prefix.follow_symlinks else os.lstat(source)
    except (OSError, ValueError) as error:
        if not optional:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            collector.fault(f"{what}: {path}: {reason}")
        return
    real = os.path.realpath(source) if prefix.canonicalize or prefix.follow_symlinks else source
    target = container_path(real, name, prefix)
    if target:
        collector.add_host(real, found, target, what=what, optional=optional)


def _glob(spec: GlobLayer, collector: Collector) -> None:
    root = collector.absolute(spec.root)

    def refused(path: bytes, error: OSError) -> None:
        shown = os.fsdecode(path).encode("utf-8", "backslashreplace").decode()
        remedy = "make it readable or leave it out (exclude; of the project's copy: leave-out)"
        collector.fault(f".glob: {shown}: {error.strerror}; {remedy}")

    try:
        walk = Walk(
            wanted=compiled(spec.globs),
            excluded=compiled(spec.exclude),
            gitignore=spec.gitignore,
            marked=spec.exclude_marked,
            # A store in the project would come to hold itself, twice as large with each run.
            never=frozenset([collector.store.identity]),
            follow=spec.prefix.follow_symlinks,
            refused=refused,
        )
    except InputError as error:
        for fault in error.faults:
            collector.fault(f".glob: {fault}")
        return
    base = os.fsencode(spec.root) if spec.root not in ("", ".") else b""
    for found in walk.files(root):
        name = os.path.join(base, found.relative)
        real = os.path.realpath(found.source) if spec.prefix.canonicalize else found.source
        source = os.path.realpath(found.source) if spec.prefix.follow_symlinks else found.source
        target = container_path(real, name, spec.prefix)
        # A file that vanishes while it is packed was not there: globs take what there is.
        add = partial(collector.add_host, source, found.status, target, what=".glob")
        add(optional=not stat.S_ISREG(found.status.st_mode))


def _stubs(spec: StubsLayer, collector: Collector) -> None:
    for text in spec.stubs:
        for name in expand_braces(text):
            path = os.fsencode(name).strip(b"/")
            if not path:
                continue
            directory = name.endswith("/")
            collector.add(
                Entry(
                    path=path,
                    kind=EntryKind.DIRECTORY if directory else EntryKind.FILE,
                    mode=spec.directory_mode if directory else 0o444,
                    mtime_ns=STUB_MTIME_NS,
                    data=None if directory else b"",
                )
            )


def _host_tree(spec: HostTreeLayer, collector: Collector) -> None:
    if not os.path.isabs(spec.path):
        collector.fault(f".path: {spec.path}: must be absolute")
    elif not os.path.exists(spec.path):
        collector.fault(f".path: {spec.path}: No such file or directory")
