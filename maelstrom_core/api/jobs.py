"""Jobs out of documents, with what must be read from this machine's disk."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from maelstrom_core.api.system import system_container
from maelstrom_core.errors import InputError
from maelstrom_core.model.job import DEFAULT_OUTPUT_BYTES, JobSpec
from maelstrom_core.spec.jobs_plan import JobPlanner


class Jobs:
    """Makes jobs of documents, one after the other.

    :param project_directory: what relative paths are relative to
    :param client: what ``$env{…}`` looks up; this process's variables by default
    :param timeout: of jobs that say nothing of it
    :param output_bytes: how much of each of a job's streams is kept
    """

    def __init__(
        self,
        project_directory: Path,
        *,
        client: Mapping[str, str] | None = None,
        timeout: float | None = None,
        output_bytes: int = DEFAULT_OUTPUT_BYTES,
    ) -> None:
        self._project_directory = project_directory
        self._planner = JobPlanner(
            default=system_container(),
            client=os.environ if client is None else client,
            project=os.fspath(project_directory),
            timeout=timeout,
            output_bytes=output_bytes,
        )

    def of(
        self, document: Mapping[str, Any], *, what: str = "the job", command: tuple[str, ...] = ()
    ) -> list[JobSpec]:
        """The jobs of a document: one, those of its list ``jobs``, or none.

        :param document: as in JSON or TOML; its containers can be parents from now on
        :param what: the document, in words, for errors
        :param command: program and arguments that take the place of those that are written
        :raises InputError: all its faults, each with its path; nothing of it is taken then
        """
        found = []
        for planned in self._planner.take(document, what=what, command=command):
            job = planned.job
            if planned.stdin_file:
                path = self._project_directory / planned.stdin_file
                try:
                    job = attrs.evolve(job, stdin=path.read_bytes())
                except OSError as error:
                    fault = f"stdin.file: {path}: {error.strerror}"
                    raise InputError(f"{what} cannot be used", [fault]) from None
            found.append(job)
        return found
