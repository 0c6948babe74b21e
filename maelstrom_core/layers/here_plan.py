"""What of this machine a test may see of itself: a copy of its project, and most variables. Pure."""

from collections.abc import Iterable

from maelstrom_core.model.layers import (
    GlobLayer,
    LayerSpec,
    PathsLayer,
    Prefix,
    StubsLayer,
    braced,
    escaped,
)

LEFT_OUT = (
    ".git",
    ".hg",
    ".svn",
    ".bzr",
    ".tox",
    ".nox",
    "node_modules",
    ".mypy_cache",
    ".ruff_cache",
)
"""Directories that are no part of a snapshot: histories, and environments of other tools."""
NOT_INSIDE = frozenset(
    [
        "DBUS_SESSION_BUS_ADDRESS",
        "DISPLAY",
        "GPG_AGENT_INFO",
        "MAELSTROM_OUTPUT",
        "OLDPWD",
        "PYTEST_CURRENT_TEST",
        "PYTEST_VERSION",
        "SSH_AGENT_PID",
        "SSH_AUTH_SOCK",
        "TEMP",
        "TMP",
        "TMPDIR",
        "WAYLAND_DISPLAY",
        "XAUTHORITY",
        "XDG_RUNTIME_DIR",
    ]
)
"""Variables that name things which are not in the container."""


def snapshot(project: str, trees: Iterable[str], leave_out: Iterable[str] = ()) -> GlobLayer:
    """All of a project but the environments that lie in it.

    :param project: absolute path of its directory
    :param trees: what is used in place, such as an environment in the project
    :param leave_out: patterns of what else is no part of it
    """
    below = [tree for tree in trees if tree.startswith(project + "/")]
    excluded = [f"**/{name}" for name in LEFT_OUT]
    excluded += [escaped(tree[len(project) + 1 :]) for tree in below]
    excluded += leave_out
    return GlobLayer(
        globs=("**",),
        root=project,
        exclude=tuple(excluded),
        exclude_marked=("pyvenv.cfg",),
    )


def around_image(snapshots: Iterable[LayerSpec], directory: str) -> tuple[LayerSpec, ...]:
    """Layers that go with every image, so that it is enough to name one: the project, at its own path.

    Of the host there is what it knows of its network, as Docker has it.

    :param snapshots: copies of the project
    :param directory: where tests start
    """
    return (
        PathsLayer(
            paths=("/etc/hosts", "/etc/resolv.conf"),
            prefix=Prefix(follow_symlinks=True),
            optional=True,
        ),
        *snapshots,
        # Directories, whatever the image has there: a link would take a mount elsewhere.
        StubsLayer(stubs=("/proc/", "/sys/", "/dev/")),
        StubsLayer(stubs=("/run/", "/root/", f"{braced(directory)}/")),
        StubsLayer(stubs=("/tmp/", "/var/tmp/"), directory_mode=0o1777),
    )
