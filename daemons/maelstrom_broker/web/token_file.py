"""The token of the broker's page: made once, kept where the cluster's keys are."""

import os
import re
import secrets
from pathlib import Path

from maelstrom_core.errors import HostError, InputError

NAME = "web-token"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,200}")


def token_in(directory: Path) -> str:
    """The token that is kept there; made if there is none.

    :raises InputError: if others can read it, or it is none
    :raises HostError: if it cannot be read or made
    """
    path = directory / NAME
    try:
        if not path.exists():
            _make(path)
        found = path.stat()
        text = path.read_text(errors="replace").strip()
    except OSError as error:
        raise HostError(f"cannot use {path}: {error.strerror}") from None
    faults = []
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        faults.append(f"{path}: others can read it")
    if not _TOKEN.fullmatch(text):
        faults.append(f"{path}: is not 32 to 200 letters, digits, - and _")
    if faults:
        remedy = f"remove {path}: a new one is made"
        raise InputError("cannot use the token of the page", faults, remedy=remedy)
    return text


def _make(path: Path) -> None:
    """At once with all that is in it: a broker that is killed leaves no half of one."""
    new = path.with_name(f".{NAME}.{os.getpid()}")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{secrets.token_urlsafe(32)}\n")
    new.rename(path)
