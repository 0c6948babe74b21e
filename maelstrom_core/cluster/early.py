"""The template that a run will begin with, started before there is an engine. Without trio."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import attrs

from maelstrom_core.container import early_template
from maelstrom_core.container.messages import Prepare
from maelstrom_core.container.plan import prepare_message
from maelstrom_core.layers import MadeLayers, make_layers
from maelstrom_core.layers.copied import OnCopied
from maelstrom_core.model.container import Container, ContainerSpec
from maelstrom_core.settings import Settings
from maelstrom_core.store import Store


def prepared(spec: ContainerSpec, made: MadeLayers, store: Store) -> Prepare:
    """A container as slots are told of it.

    :param made: its layers
    :raises maelstrom_core.errors.MaelstromError: if there cannot be such a container
    """
    fields = attrs.asdict(spec, recurse=False) | {"layers": made.digests}
    lowers = [os.fspath(path) for path in store.lower_directories(made.digests)]
    trees = [(tree.path, tree.target or tree.path) for tree in made.host_trees]
    return prepare_message(Container(**fields), lowers=lowers, host_trees=trees)


def start_template(
    spec: ContainerSpec,
    settings: Settings,
    *,
    project_directory: Path,
    on_copied: OnCopied | None = None,
) -> Callable[[], None]:
    """Start a container's template, for `open_local_backend` with the same settings to find.

    :param project_directory: what relative paths in layers are relative to
    :param on_copied: told of files that take long, if anybody is
    :return: lets go of what it needs, which the backend has for itself when it runs
    :raises maelstrom_core.errors.MaelstromError: if its layers cannot be made
    :raises OSError: if no process can be started
    """
    with ExitStack() as stack:
        directory, limit = Path(settings.store), settings.cache_size
        store = stack.enter_context(
            Store.open(directory, **({} if limit is None else {"limit_bytes": limit}))
        )
        made = make_layers(
            spec.layers, project_directory=project_directory, store=store, on_copied=on_copied
        )
        stack.callback(made.lease.release)
        prepare = prepared(spec, made, store)
        early_template.start_early(
            prepare,
            early_template.launch_of(prepare.key, spec),
            ahead=early_template.forks_ahead(settings.slots),
            interpreter=settings.interpreter,
        )
        stack.callback(early_template.end_early)
        return stack.pop_all().close
