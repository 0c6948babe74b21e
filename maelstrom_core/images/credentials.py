"""Credentials of ``docker login`` and ``podman login``: files and helper programs."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from maelstrom_core.errors import UsageError
from maelstrom_core.images.credentials_plan import REFRESH_USER, AskHelper, Login, find

_PATIENCE_SECONDS = 30.0
_MOST_BYTES = 4 << 20


class Credentials:
    """Finds logins; asks helpers only when one is needed.

    :param environment: variables that say where files are
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.troubles: list[str] = []
        """Helpers that could not be asked, in words: told if the registry refuses."""

    def login(self, host: str, repository: str) -> Login | None:
        """The login for a repository, if there is one.

        :raises UsageError: for a file that cannot be used
        """
        for path in files(self._environment):
            for found in find(_read(path), host, repository):
                login = self._ask(found) if isinstance(found, AskHelper) else found
                if login is not None:
                    return login
        return None

    def _ask(self, helper: AskHelper) -> Login | None:
        program = f"docker-credential-{helper.name}"
        try:
            done = subprocess.run(
                [program, "get"],
                input=helper.server.encode(),
                capture_output=True,
                timeout=_PATIENCE_SECONDS,
                env=dict(self._environment),
                check=False,
            )
            answer = json.loads(done.stdout[:_MOST_BYTES]) if done.returncode == 0 else None
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            reason = error.strerror if isinstance(error, OSError) else type(error).__name__
            self.troubles.append(f"{program} could not be asked for {helper.server}: {reason}")
            return None
        # A helper that has nothing ends with 1; what it prints then is for people.
        if not isinstance(answer, dict):
            return None
        user, secret = answer.get("Username"), answer.get("Secret")
        if not isinstance(user, str) or not isinstance(secret, str) or not secret:
            return None
        return Login(user, secret, refresh=user == REFRESH_USER)


def files(environment: Mapping[str, str]) -> Iterator[Path]:
    """Where logins may be, in the order in which podman looks, Docker's last."""
    if "REGISTRY_AUTH_FILE" in environment:
        yield Path(environment["REGISTRY_AUTH_FILE"])
    home = environment.get("HOME", "/")
    runtime = environment.get("XDG_RUNTIME_DIR")
    if runtime:
        yield Path(runtime, "containers", "auth.json")
    config = environment.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    yield Path(config, "containers", "auth.json")
    yield Path(environment.get("DOCKER_CONFIG") or os.path.join(home, ".docker"), "config.json")


def _read(path: Path) -> Mapping[str, Any]:
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(f"the logins in {path} cannot be read: {error.strerror}") from None
    try:
        plain = json.loads(data or b"{}")
    except ValueError as error:
        raise UsageError(
            f"the logins in {path} are no JSON: {error}", remedy="log in again, or mend the file"
        ) from None
    return plain if isinstance(plain, dict) else {}
