"""Files that jobs leave, written down on this host.

``DIRECTORY/NUMBER-LABEL/…``, with the paths that they had below the job's working directory, or else in
its container; ``DIRECTORY/NUMBER-LABEL.changes`` or ``….changes.tar``, what they have changed. Nothing
else is ever written or followed: names come from a container.
"""

import os
import re
import shutil
from pathlib import Path, PurePosixPath

import attrs
import trio

from maelstrom_core.api import AsyncRunner, JobResult, JobSpec, MaelstromError
from maelstrom_core.api.runner import ChangesForm
from maelstrom_run.settings import NO_CHANGES

_SHOWN = 3
"""Of what was left out, so many are told by name."""


@attrs.define
class Kept:
    """What came of the files of one job.

    :param places: where they are now, by their paths in the container
    :param changes: where what it has changed is now; empty if that was not asked for
    :param faults: in words
    """

    places: dict[str, str] = attrs.field(factory=dict)
    changes: str = ""
    faults: list[str] = attrs.field(factory=list)


class Files:
    """Writes down what jobs leave.

    :param directory: below which; made when it is needed
    :param changes: the form of what they have changed
    """

    def __init__(self, directory: Path, changes: str = NO_CHANGES) -> None:
        self._directory = directory
        self._changes = changes

    async def keep(self, runner: AsyncRunner, number: int, job: JobSpec, result: JobResult) -> Kept:
        """Write down what a job left."""
        kept = self._keep_outputs(number, job, result) if job.outputs else Kept()
        if self._changes != NO_CHANGES:
            await self._keep_changes(runner, number, job, result, kept)
        return kept

    async def _keep_changes(
        self, runner: AsyncRunner, number: int, job: JobSpec, result: JobResult, kept: Kept
    ) -> None:
        if result.changes_missing:
            kept.faults.append(f"changes: {result.changes_missing}")
        if result.changes is None:
            return
        form: ChangesForm = "tar" if self._changes == "tar" else "directory"
        ending = ".changes.tar" if form == "tar" else ".changes"
        place = self._directory / f"{directory_name(number, job.label)}{ending}"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            if form == "directory" and place.exists():
                await trio.to_thread.run_sync(shutil.rmtree, place)  # of a run before
            left_out = await runner.write_changes(result, place, form=form)
        except MaelstromError as error:
            kept.faults.append(f"changes: {error.message}")
        except OSError as error:
            kept.faults.append(f"changes: {place} could not be written: {error.strerror}")
        else:
            kept.changes = os.fspath(place)
            kept.faults.extend(f"changes: left out: {one}" for one in left_out[:_SHOWN])
            if len(left_out) > _SHOWN:
                kept.faults.append(f"changes: left out: {len(left_out) - _SHOWN} more")

    def _keep_outputs(self, number: int, job: JobSpec, result: JobResult) -> Kept:
        kept = Kept()
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
