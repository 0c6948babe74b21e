"""Names of images: parsed, and printed the one way in which they are kept. Pure.

``docker://[HOST[:PORT]/]NAME[:TAG][@DIGEST]`` · ``oci:DIRECTORY[:TAG]`` · ``oci-archive:FILE[:TAG]`` ·
``docker-archive:FILE[:NAME:TAG]``, as skopeo and podman write them (containers-transports(5)). What a
registry's name may be: https://github.com/distribution/reference.
"""

import re
from typing import TypeAlias

import attrs

DOCKER_HUB = "docker.io"
LATEST = "latest"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_LABEL = r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::\d{{1,5}})?")
_LONGEST = 255


class BadReference(ValueError):
    """No name of an image; the message finishes "expected …"."""


@attrs.frozen
class InRegistry:
    """An image of a registry.

    :param host: with its port, if that is not the usual one
    :param repository: on that host
    :param tag: empty if there is a digest alone
    :param digest: ``sha256:…``; empty if there is a tag alone
    """

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"docker://{self.host}/{self.repository}{tag}{digest}"

    @property
    def wanted(self) -> str:
        """What a registry is asked for: the digest if there is one."""
        return self.digest or self.tag


@attrs.frozen
class InLayout:
    """An image of an OCI layout: a directory, or an archive of one.

    :param path: relative to the project directory, or absolute
    :param tag: which of several; empty if there is only one
    """

    path: str
    tag: str = ""
    is_archive: bool = False

    def __str__(self) -> str:
        kind = "oci-archive" if self.is_archive else "oci"
        return f"{kind}:{self.path}:{self.tag}" if self.tag else f"{kind}:{self.path}"


@attrs.frozen
class InDockerArchive:
    """An image of an archive that ``docker save`` made.

    :param name: which of several, ``NAME:TAG``; empty if there is only one
    """

    path: str
    name: str = ""

    def __str__(self) -> str:
        name = f":{self.name}" if self.name else ""
        return f"docker-archive:{self.path}{name}"


Reference: TypeAlias = InRegistry | InLayout | InDockerArchive
"""Where an image is."""


def parse(text: str) -> Reference:
    """What a name says.

    :raises BadReference: for anything else
    """
    kind, colon, rest = text.partition(":")
    if "\0" in text or not colon:
        raise BadReference("docker://NAME, oci:PATH, oci-archive:PATH or docker-archive:PATH")
    match kind:
        case "docker":
            if not rest.startswith("//"):
                raise BadReference("docker:// and a name")
            return _in_registry(rest[2:])
        case "oci" | "oci-archive":
            path, tag = _path(rest)
            if tag and _layout_tag(tag) is None:
                raise BadReference(f"a tag after the last colon, not {tag!r}")
            return InLayout(path, tag, is_archive=kind == "oci-archive")
        case "docker-archive":
            path, name = _path(rest)
            if name:
                _in_registry(name)
            return InDockerArchive(path, name)
    raise BadReference("docker://NAME, oci:PATH, oci-archive:PATH or docker-archive:PATH")


def _path(text: str) -> tuple[str, str]:
    path, _, tag = text.partition(":")
    if not path:
        raise BadReference("a path after the colon")
    return path, tag


def _layout_tag(tag: str) -> str | None:
    # Tools put whole names there (annotation org.opencontainers.image.ref.name).
    return tag if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:@/+-]*", tag) else None


def _in_registry(text: str) -> InRegistry:
    name, at, digest = text.partition("@")
    if at and _DIGEST.fullmatch(digest) is None:
        raise BadReference("sha256: and 64 lower-case hexadecimal digits after the @")
    first, slash, rest = name.partition("/")
    # As docker has it: a first part that looks like no part of a name is a host.
    if slash and (set(".:[") & set(first) or first == "localhost" or first != first.lower()):
        host, path = first, rest
    else:
        host, path = DOCKER_HUB, name
    if _HOST.fullmatch(host) is None:
        raise BadReference(f"a host and a port before the first slash, not {host!r}")
    path, colon, tag = path.partition(":")
    if colon and _TAG.fullmatch(tag) is None:
        raise BadReference(f"a tag of letters, digits, '.', '_' and '-', not {tag!r}")
    if host in ("index.docker.io", "registry-1.docker.io"):
        host = DOCKER_HUB
    if host == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    if _REPOSITORY.fullmatch(path) is None or len(path) > _LONGEST:
        raise BadReference(f"a name of lower-case letters, digits and single separators: {path!r}")
    if not colon and not at:
        tag = LATEST
    return InRegistry(host, path, tag, digest)
