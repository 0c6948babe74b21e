"""The system that this machine has, as recipes: its programs in place, of /etc what is no secret."""

import os
from collections.abc import Iterable, Iterator

from maelstrom_core.model.layers import (
    HostTreeLayer,
    LayerSpec,
    PathsLayer,
    StubsLayer,
    Symlink,
    SymlinksLayer,
)

_TOP_LEVEL = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix",
    "/gnu",
)
_ETC_FILES = [
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "environment",
    "fonts",
    "gai.conf",
    "group",
    "host.conf",
    "hosts",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "locale.gen",
    "localtime",
    "login.defs",
    "lsb-release",
    "magic",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "pki",
    "profile",
    "protocols",
    "redhat-release",
    "resolv.conf",
    "rpc",
    "services",
    "shells",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
]
"""Of /etc: what a normal process expects there, and nothing that is somebody's secret."""


def top_level() -> tuple[list[tuple[str, str]], list[str]]:
    """What stands at the top of this machine's tree: links with their targets, and directories."""
    links, trees = [], []
    for path in _TOP_LEVEL:
        if os.path.islink(path):
            links.append((path, os.readlink(path)))
        elif os.path.isdir(path):
            trees.append(path)
    return links, trees


def etc_files() -> Iterator[str]:
    """Files and links of /etc that may be read."""
    for name in _ETC_FILES:
        path = f"/etc/{name}"
        if os.path.isdir(path) and not os.path.islink(path):
            for directory, _, files in os.walk(path):
                yield from (os.path.join(directory, file) for file in sorted(files))
        elif os.path.lexists(path):
            yield path


def without_nested(paths: Iterable[str]) -> list[str]:
    """Paths of which none lies below another; ``/`` itself is never one."""
    kept: list[str] = []
    for path in sorted({path for path in paths if path != "/"}, key=len):
        if not any(path == one or path.startswith(one + "/") for one in kept):
            kept.append(path)
    return kept


def apart_from(project: str, trees: Iterable[str]) -> Iterator[str]:
    """Trees around a project: one that holds it is taken in parts, one that is in it stays."""
    for tree in trees:
        if tree == project:
            continue
        if not project.startswith(tree + "/"):
            yield tree
            continue
        for entry in sorted(os.scandir(tree), key=lambda entry: entry.name):
            if entry.is_symlink():
                continue
            yield from apart_from(project, [entry.path])


def system_layers() -> tuple[LayerSpec, ...]:
    """Layers of a container that has this machine's programs, and nothing of its users."""
    links, trees = top_level()
    return (
        PathsLayer(paths=tuple(etc_files()), optional=True),
        SymlinksLayer(symlinks=tuple(Symlink(link, target) for link, target in links)),
        StubsLayer(stubs=("/run/", "/var/", "/root/")),
        StubsLayer(stubs=("/tmp/", "/var/tmp/"), directory_mode=0o1777),
        *(HostTreeLayer(path=tree) for tree in trees),
    )
