"""Files that tests leave in ``$MAELSTROM_OUTPUT``, or in ``tmp_path``, written down on the host.

``DIRECTORY/RUN/CASE/…``, below directories made here and nobody else: what a container says is not
trusted. Names that lead elsewhere are refused, no link is made or followed, nothing is written over,
and no more is written than is allowed, whatever the container says of sizes.
"""

import base64
import contextlib
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import JobResult
from maelstrom_core.model.views import RunView
from pytest_maelstrom.hookimpls import messages_of
from pytest_maelstrom.output_plan import Refused, directory_name, parts_of

MOST_FILES = 1000
"""Of one case."""
KEPT_RUNS = 10
"""Runs whose files are kept where nobody said where to keep them."""
_RUN = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d+")
_SHOWN = 50


@attrs.define
class Left:
    """What one attempt of a case left.

    :param files: names below the directory, and sizes
    :param refused: names, and why
    """

    directory: Path
    files: dict[str, int] = attrs.field(factory=dict)
    refused: dict[str, str] = attrs.field(factory=dict)

    def described(self) -> Iterator[str]:
        """Lines for people."""
        yield str(self.directory) if self.files else "nothing could be kept"
        shown = list(self.files.items())[:_SHOWN]
        yield from (f"  {name} ({size} bytes)" for name, size in shown)
        if len(self.files) > len(shown):
            yield f"  and {len(self.files) - len(shown)} more"
        for name, why in list(self.refused.items())[:_SHOWN]:
            yield f"  {ascii(name)[1:-1]}: refused: {why}"


class Outputs:
    """A plugin of ours that observes jobs, and keeps what they leave.

    :param directory: chosen by the user; files of runs are kept there for ever
    :param default: used otherwise; files of the last runs are kept
    :param most_bytes: of one case
    """

    def __init__(self, directory: str | None, default: Path, *, most_bytes: int) -> None:
        self._parent = Path(directory).absolute() if directory else default
        self._prunes = not directory
        self._most_bytes = most_bytes
        self._name = f"{time.strftime('%Y-%m-%dT%H-%M-%S')}-{os.getpid()}"
        self._attempts = Counter[CaseId]()
        self._left: dict[CaseId, list[Left]] = {}
        self._is_there = False
        self.cases = 0

    @property
    def directory(self) -> Path:
        """Where the files of this run are, if there are any."""
        return self._parent / self._name

    @hookimpl
    def maelstrom_job_started(self, run: RunView, case: Case, job: JobSpec) -> None:
        """Count attempts."""
        del run, job
        self._attempts[case.id] += 1

    @hookimpl
    def maelstrom_job_ended(self, run: RunView, case: Case, result: JobResult) -> None:
        """Write down what a job left."""
        del run
        if b'"kind": "output' not in result.report:
            return
        place = self.directory / directory_name(case.id, self._attempts[case.id])
        left = Left(place)
        self._left.setdefault(case.id, []).append(left)
        writer = _Writer(left, self._most_bytes)
        try:
            self._make_directory()
            for message in messages_of(result.report):
                if message["kind"] == "output":
                    writer.take(message)
                elif message["kind"] == "output refused" and len(left.refused) < MOST_FILES:
                    left.refused[str(message.get("path"))] = str(message.get("why"))
            writer.finish()
        except OSError as error:
            left.refused[str(error.filename or place)] = f"{os.strerror(error.errno or 0)}"
        finally:
            writer.close()

    def left_by(self, case: CaseId) -> list[Left]:
        """What the attempts of a case left, and forget it."""
        left = self._left.pop(case, [])
        self.cases += any(one.files for one in left)
        return left

    def _make_directory(self) -> None:
        if self._is_there:
            return
        self._parent.mkdir(parents=True, exist_ok=True)
        if self._prunes:
            runs = sorted(entry for entry in os.listdir(self._parent) if _RUN.fullmatch(entry))
            for old in runs[: -(KEPT_RUNS - 1)]:
                shutil.rmtree(self._parent / old, ignore_errors=True)
        self.directory.mkdir(exist_ok=True)
        self._is_there = True


class _Writer:
    """Writes the files of one attempt."""

    def __init__(self, left: Left, most_bytes: int) -> None:
        self._left = left
        self._bytes_left = most_bytes
        self._name = ""
        self._file: int | None = None
        self._missing = 0

    def take(self, message: Mapping[str, Any]) -> None:
        """Write a piece of a file.

        :raises OSError: if this host cannot, for want of room say
        """
        name, size = message.get("path"), message.get("size")
        try:
            data = base64.b64decode(message.get("data", ""), validate=True)
            if size is not None:
                self.finish()
                self._begin(parts_of(name), int(message.get("mode", 0)), int(size))
            elif self._file is None or name != self._name:
                return  # of a file that was refused
            if len(data) > min(self._bytes_left, self._missing):
                raise Refused("more than was said, or than may be kept")
            self._write(data)
        except Refused as refused:
            self._refuse(str(name), str(refused))
        except (ValueError, TypeError):
            self._refuse(str(name), "what came is damaged")

    def finish(self) -> None:
        """Close the file; one that is not whole is named."""
        if self._file is not None and self._missing:
            self._refuse(self._name, f"{self._missing} bytes of it are missing")
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _begin(self, parts: list[str], mode: int, size: int) -> None:
        if len(self._left.files) >= MOST_FILES:
            raise Refused(f"more than {MOST_FILES} files")
        if not 0 <= size <= self._bytes_left:
            raise Refused("more than may be kept")
        self._left.directory.mkdir(exist_ok=True)
        how = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        directory = os.open(self._left.directory, how)
        try:
            for part in parts[:-1]:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=directory)
                try:
                    below = os.open(part, how, dir_fd=directory)
                except NotADirectoryError:
                    raise Refused("a file is where its directory would be") from None
                os.close(directory)
                directory = below
            new = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                self._file = os.open(parts[-1], new, 0o600, dir_fd=directory)
            except FileExistsError:
                raise Refused("it is there already") from None
        finally:
            os.close(directory)
        # Never set-user-id, and its owner may always read it.
        os.fchmod(self._file, mode & 0o755 | 0o600)
        self._name, self._missing = "/".join(parts), size
        self._left.files[self._name] = 0

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        self._left.files[self._name] += len(data)
        self._missing -= len(data)
        self._bytes_left -= len(data)

    def _refuse(self, name: str, why: str) -> None:
        if len(self._left.refused) < MOST_FILES:
            self._left.refused[name] = why
        self.close()


def show(left: list[Left], reports: list[Any]) -> None:
    """Say in a case's reports, before pytest is told of them, which files it left."""
    if not left or not reports:
        return
    text = "\n".join(line for one in left for line in one.described())
    calls = [one for one in reports if one.when == "call" or one.failed]
    place = (calls or reports)[-1]
    place.sections = [*place.sections, ("Files left behind", text)]
    directories = [str(one.directory) for one in left if one.files]
    if directories:
        # JUnit's writer takes those of the last report.
        for one in reports:
            one.user_properties = [
                *one.user_properties,
                *(("maelstrom_output", directory) for directory in directories),
            ]
