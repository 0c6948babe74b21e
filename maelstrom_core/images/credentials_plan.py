"""Which credentials a file of ``docker login`` or ``podman login`` holds for a repository. Pure.

https://docs.docker.com/reference/cli/docker/login/ and containers-auth.json(5), whose keys may name a
part of a registry: the longest one wins.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import attrs

from maelstrom_core.images.reference import DOCKER_HUB

_HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", "registry-1.docker.io")
REFRESH_USER = "<token>"
"""The user's name by which helpers say that their secret is a token to be exchanged."""


@attrs.frozen
class Login:
    """A user and a secret; never shown.

    :param refresh: the secret is a token which is exchanged for others
    """

    user: str
    secret: str = attrs.field(repr=False)
    refresh: bool = False


@attrs.frozen
class AskHelper:
    """A program is to be asked: ``docker-credential-NAME get``.

    :param server: what it is asked for
    """

    name: str
    server: str


Found: TypeAlias = Login | AskHelper


def keys(host: str, repository: str) -> Iterator[str]:
    """What may stand for a repository in a file, the most special first."""
    parts = repository.split("/")
    for number in range(len(parts), 0, -1):
        yield f"{host}/{'/'.join(parts[:number])}"
    yield host
    if host == DOCKER_HUB:
        yield from _HUB_KEYS


def find(config: Mapping[str, Any], host: str, repository: str) -> Iterator[Found]:
    """What a file has for a repository, in the order in which it is to be tried.

    :param config: the file's JSON; parts of it that are no such thing are passed over
    """
    helpers, auths = _table(config, "credHelpers"), _table(config, "auths")
    names = list(keys(host, repository))
    server = _HUB_KEYS[0] if host == DOCKER_HUB else host
    for name in names:
        helper = helpers.get(name)
        if isinstance(helper, str) and _is_helper(helper):
            yield AskHelper(helper, name if name in _HUB_KEYS else server)
            return
    for name in names:
        for written in (name, f"https://{name}", f"https://{name}/", f"http://{name}"):
            login = _login(auths.get(written))
            if login is not None:
                yield login
                return
    store = config.get("credsStore")
    if isinstance(store, str) and _is_helper(store):
        yield AskHelper(store, server)


def _table(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = config.get(key)
    return value if isinstance(value, dict) else {}


def _is_helper(name: str) -> bool:
    return name.replace("-", "").replace("_", "").replace(".", "").isalnum()


def _login(entry: object) -> Login | None:
    if not isinstance(entry, dict):
        return None
    token = entry.get("identitytoken")
    if isinstance(token, str) and token:
        return Login("", token, refresh=True)
    user, secret = entry.get("username"), entry.get("password")
    if isinstance(user, str) and isinstance(secret, str) and user:
        return Login(user, secret)
    packed = entry.get("auth")
    if not isinstance(packed, str):
        return None
    try:
        user, colon, secret = base64.b64decode(packed, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    # Docker pads the secret with NUL.
    return Login(user, secret.rstrip("\0")) if colon and user else None
