"""What surrounds a run of pytest on this host: the facts that the default container is made of."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from maelstrom_core.errors import UsageError
from maelstrom_core.layers.system import apart_from, etc_files, top_level, without_nested
from pytest_maelstrom.environment_plan import Surroundings
from pytest_maelstrom.request import PytestRun


def surroundings(
    run: PytestRun,
    project: Path,
    environment: Mapping[str, str] | None = None,
    files: Iterable[str] = (),
) -> Surroundings:
    """Look around.

    :param environment: variables beside those of this process
    :param files: that tests need, wherever they are; absolute
    """
    links, trees = top_level()
    trees += [os.path.realpath(path) for path in _python_trees(run) if os.path.exists(path)]
    named = {path for path in _python_trees(run) if os.path.exists(path)}
    links += sorted(
        (path, os.path.realpath(path)) for path in named if path != os.path.realpath(path)
    )
    root = os.fspath(run.root)
    if root != os.path.realpath(root):
        links.append((root, os.path.realpath(root)))
    inside = os.path.dirname(os.path.abspath(__file__))
    return Surroundings(
        trees=tuple(around(os.fspath(project), trees)),
        links=tuple(dict(links).items()),
        etc=tuple(etc_files()),
        project=os.fspath(project),
        directory=os.path.realpath(run.directory),
        home=os.path.expanduser("~"),
        user=os.geteuid(),
        group=os.getegid(),
        environment=tuple(sorted({**os.environ, **(environment or {})}.items())),
        inside=inside,
        files=tuple(files),
    )


def _python_trees(run: PytestRun) -> Iterator[str]:
    """Where the interpreter and everything that it can import are."""
    yield from (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
    executable = run.program
    # A virtual environment's interpreter may be a link to a link to the real one.
    while os.path.islink(executable):
        target = os.path.join(os.path.dirname(executable), os.readlink(executable))
        executable = os.path.normpath(target)
        yield os.path.dirname(os.path.dirname(executable))
    for path in run.sys_path:
        if path and os.path.isabs(path):
            yield path
    for finder in sys.meta_path:
        # Editable installs of setuptools: a module that maps names to directories.
        mapping = getattr(sys.modules.get(getattr(finder, "__module__", "")), "MAPPING", {})
        if isinstance(mapping, dict):
            yield from (os.path.dirname(path) for path in mapping.values() if isinstance(path, str))


def around(project: str, trees: Iterable[str]) -> list[str]:
    """What is used in place: nothing of the project but the environments that lie in it.

    Directories of the project that can be imported from are part of its snapshot.
    """
    environments = {os.path.realpath(prefix) for prefix in (sys.prefix, sys.base_prefix)}
    inside = {tree for tree in trees if tree == project or tree.startswith(project + "/")}
    kept = [tree for tree in environments if tree.startswith(project + "/")]
    outside = apart_from(project, without_nested(tree for tree in trees if tree not in inside))
    return [*outside, *without_nested(kept)]


def project_directory(config: pytest.Config) -> Path:
    """The directory of which a snapshot is made: all that belongs to the project.

    The topmost of pytest's root directory, the directory in which it was started if that is
    within the same repository, and the repository's top.

    :raises UsageError: if that would be the home directory or the whole file system
    """
    root = Path(os.path.realpath(config.rootpath))
    started = Path(os.path.realpath(config.invocation_params.dir))
    project = root
    if root.is_relative_to(started):
        project = started
    for directory in (project, *project.parents):
        if (directory / ".git").exists():
            project = directory
            break
    home = Path(os.path.realpath(os.path.expanduser("~")))
    if project == home or home.is_relative_to(project) or project == Path("/"):
        project = root
    if project == home or home.is_relative_to(project) or len(project.parts) < 2:
        raise UsageError(
            f"the project directory would be {project}, all of which would be copied",
            remedy="give the project a directory with a pytest.ini of its own, or use --rootdir",
        )
    return project
