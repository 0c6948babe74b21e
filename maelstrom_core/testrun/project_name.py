"""Finds out under which name a project's history is shared."""

import subprocess
from pathlib import Path

from maelstrom_core.testrun.project_plan import name_of_remote

AUTO = "auto"
OFF = "off"
_PATIENCE_SECONDS = 5.0


def shared_name(setting: str, project: Path) -> str:
    """The name; empty if nothing is to be shared.

    :param setting: ``auto``, ``off``, or the name
    """
    if setting == OFF:
        return ""
    if setting != AUTO:
        return setting
    return _cloned(project) or project.resolve().name


def _cloned(project: Path) -> str:
    url = _git(project, "config", "--get", "remote.origin.url")
    return name_of_remote(url, _git(project, "rev-parse", "--show-prefix")) if url else ""


def _git(project: Path, *arguments: str) -> str:
    """What git says of it; nothing if there is no git, or no repository."""
    try:
        done = subprocess.run(
            ["git", "-C", project, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "surrogateescape").strip() if not done.returncode else ""
