"""Files that jobs leave, written down on this host.

``DIRECTORY/NUMBER-LABEL/…``, with the paths that they had below the job's working directory, or else in
its container. Nothing else is ever written or followed: names come from a container.
"""

import os
import re
from pathlib import Path, PurePosixPath

import attrs

from maelstrom_core.api import JobResult, JobSpec


@attrs.frozen
class Kept:
    """What came of the files of one job.

    :param places: where they are now, by their paths in the container
    :param faults: in words
    """

    places: dict[str, str] = attrs.field(factory=dict)
    faults: list[str] = attrs.field(factory=list)


class Files:
    """Writes down what jobs leave.

    :param directory: below which; made when it is needed
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, number: int, job: JobSpec, result: JobResult) -> Kept:
        """Write down what a job left."""
        kept = Kept()
        if not job.outputs:
            return kept
        kept.faults.extend(f"outputs: {why}" for why in result.outputs_missing)
        directory = self._directory / directory_name(number, job.label)
        for left in result.outputs:
            try:
                place = directory / place_of(left.path, job.working_directory)
                _write(place, left.data, left.mode)
            except (OSError, ValueError) as error:
                why = error.strerror if isinstance(error, OSError) else error
                kept.faults.append(f"{left.path!r} could not be kept: {why}")
            else:
                kept.places[left.path] = os.fspath(place)
        return kept


def directory_name(number: int, label: str) -> str:
    """The name of the directory of a job's files: readable, harmless, no other job's."""
    readable = re.sub(r"[^\w.=,+-]+", "_", label, flags=re.ASCII)[:100].lstrip(".")
    return f"{number}-{readable}" if readable else str(number)


def place_of(path: str, working_directory: str) -> str:
    """Where a file goes, below its job's directory.

    :raises ValueError: for a path that leads elsewhere
    """
    where = PurePosixPath(path)
    if not where.is_absolute() or ".." in where.parts:
        raise ValueError("its path leads elsewhere")
    base = PurePosixPath(working_directory or "/")
    below = where.relative_to(base) if where.is_relative_to(base) else where.relative_to("/")
    return str(below)


def _write(place: Path, data: bytes, mode: int) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    # One of a run before is replaced, and whatever it was linked to is left alone.
    place.unlink(missing_ok=True)
    new = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(place, new, 0o600), "wb") as file:
        file.write(data)
        # Never set-user-id, and its owner may always read it.
        os.fchmod(file.fileno(), mode & 0o755 | 0o600)
