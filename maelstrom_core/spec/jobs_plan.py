"""Documents → jobs that can be run, one document after the other. Pure.

A job that says nothing of where its files come from (no ``layers``, ``parent``, ``image``) has the
container `DEFAULT` as its parent. Variables and the working directory are no part of a job's container
here, but its own: so thousands of jobs that differ in nothing else share one container. Equal ones are
the same object, since what runs them knows a container by that.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import attrs

from maelstrom_core.errors import InputError
from maelstrom_core.model.container import (
    USUAL_PATH,
    ContainerSpec,
    Devices,
    Network,
    Proc,
    Root,
    Sys,
)
from maelstrom_core.model.images import Image
from maelstrom_core.model.job import DEFAULT_OUTPUT_BYTES, JobSpec, TerminalSize
from maelstrom_core.model.layers import StubsLayer
from maelstrom_core.settings.schema import BadValue
from maelstrom_core.spec.container import (
    Said,
    check_parent,
    check_parents,
    container_readers,
    containers,
    said,
)
from maelstrom_core.spec.inherit_plan import NOTHING, Family
from maelstrom_core.spec.job import DOCUMENT, job_readers, split
from maelstrom_core.spec.reading import Place, list_of, shaped
from maelstrom_core.spec.templates import templates

DEFAULT = "default"
"""The container that there is without any being written."""
A_TERMINAL = TerminalSize(24, 80)
"""Of a job that wants one, until somebody sits down at it."""
MOST_REMEMBERED = 1000
"""Written containers of which is remembered what they come to."""
_FILES_FROM = ("layers", "parent", "image")
_FRAME = ContainerSpec(
    layers=(
        # Directories, whatever the image has there: a link would take a mount elsewhere.
        StubsLayer(stubs=("/proc/", "/sys/", "/dev/")),
        StubsLayer(stubs=("/tmp/", "/var/tmp/"), directory_mode=0o1777),
    ),
    mounts=(Proc(), Sys(), Devices()),
    root=Root(writable=True),
    network=Network.LOOPBACK,
    environment=(
        ("HOME", "/root"),
        ("PATH", USUAL_PATH),
    ),
)
"""What goes with every image, so that it is enough to name one."""
_CONTAINER_READERS = container_readers()
_JOB_READERS = job_readers()


@attrs.frozen(kw_only=True)
class PlannedJob:
    """A job as it was written, ready but for what must be read from a disk.

    :param stdin_file: file that it reads as its standard input, relative to the project directory;
        empty for none
    """

    job: JobSpec
    stdin_file: str = ""


@attrs.frozen
class _Surroundings:
    """What a job's container comes to: what is shared, and what is the job's own."""

    container: ContainerSpec
    environment: tuple[tuple[str, str], ...]
    working_directory: str
    fault: str = ""


class ImageWanted(Exception):
    """A document names an image of which nothing is known yet.

    :param name: as it is written
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class JobPlanner:
    """Makes jobs of documents.

    :param default: the container `DEFAULT`
    :param client: variables of this process, for ``$env{…}``
    :param project: what relative paths are relative to, absolute
    :param timeout: of jobs that say nothing of it
    :param output_bytes: how much of each of a job's streams is kept
    """

    def __init__(
        self,
        *,
        default: ContainerSpec,
        client: Mapping[str, str],
        project: str,
        timeout: float | None = None,
        output_bytes: int = DEFAULT_OUTPUT_BYTES,
    ) -> None:
        self._timeout = timeout
        self._output_bytes = output_bytes
        self._templates = templates(project)
        self._written: dict[str, Said] = {}
        self._images: dict[str, Image] = {}
        self._refused: dict[str, str] = {}
        self._family = Family(
            written=self._written,
            given={DEFAULT: default},
            client=client,
            project=project,
            images=self._images,
            frame=_FRAME,
        )
        self._remembered: OrderedDict[str, _Surroundings] = OrderedDict()
        self._shared: dict[ContainerSpec, ContainerSpec] = {}

    def take(
        self, document: Mapping[str, Any], *, what: str, command: tuple[str, ...] = ()
    ) -> list[PlannedJob]:
        """The jobs of a document; its containers are known from now on.

        :param what: the document, in words, for errors
        :param command: program and arguments that take the place of those that are written
        :raises InputError: all its faults, each with its path; nothing of it is taken then
        :raises ImageWanted: for an image that was neither brought nor refused; nothing is taken then
        """
        place = Place("", [], self._templates)
        if not any(name in document for name in DOCUMENT):
            # One job and nothing else, as most documents are of which there are many.
            jobs = self._jobs(place, {}, document, command)
            if not place.faults:
                return jobs
            raise InputError(f"{what} cannot be used", place.faults)
        around, own = split(document, DOCUMENT)
        new: Mapping[str, Said] = {}
        if "containers" in around:
            new = place.key("containers").read(containers, around["containers"]) or {}
            check_parents(place.key("containers"), new, [DEFAULT, *self._written])
        before = dict(self._written)
        there = (*before, DEFAULT)
        self._written.update((name, one) for name, one in new.items() if name not in there)
        try:
            jobs = self._jobs(place, around, own, command)
            if not place.faults:
                return jobs
            raise InputError(f"{what} cannot be used", place.faults)
        except (InputError, ImageWanted):
            self._written.clear()
            self._written.update(before)
            raise

    def brought(self, name: str, image: Image) -> None:
        """An image that was wanted is in the store."""
        self._images[name] = image

    def refused(self, name: str, why: str) -> None:
        """An image that was wanted cannot be had: jobs in it end at once, and say so."""
        self._refused[name] = why

    def _jobs(
        self,
        place: Place,
        around: Mapping[str, Any],
        own: Mapping[str, Any],
        command: tuple[str, ...],
    ) -> list[PlannedJob]:
        def job(here: Place, value: object) -> PlannedJob | None:
            return self._job(here, value, command)

        if "jobs" in around:
            for name in own:
                place.key(name).fault("a job's own keys cannot stand beside jobs")
            reader = list_of(shaped(True)(job))
            return list(place.key("jobs").read(reader, around["jobs"]) or ())
        if own or not around:
            planned = place.read(job, own)
            return [] if planned is None else [planned]
        return []

    def _job(self, place: Place, value: object, command: tuple[str, ...]) -> PlannedJob | None:
        if not isinstance(value, Mapping):
            raise BadValue("a table")
        about, own = split(value, _CONTAINER_READERS)
        needed = () if command else ("program",)
        # All readers are given, so that a misspelt key is told the nearest of all.
        fields = place.fields(own, _JOB_READERS, needed=needed)
        if "expected_duration" in fields and "estimated_duration" in fields:
            place.key("estimated_duration").fault("either expected_duration or estimated_duration")
        around = self._surroundings(place, about)
        if around is None or place.faults:
            return None
        program, *arguments = command or (fields["program"], *fields.get("arguments", ()))
        stdin = fields.get("stdin", "")
        job = JobSpec(
            container=around.container,
            program=program,
            arguments=tuple(arguments),
            environment=around.environment,
            working_directory=around.working_directory,
            timeout=fields["timeout"][0] if "timeout" in fields else self._timeout,
            priority=fields.get("priority", 0),
            expected_duration=fields.get("expected_duration", fields.get("estimated_duration")),
            slots=fields.get("slots", 1),
            output_bytes=self._output_bytes,
            stdin=stdin.encode() if isinstance(stdin, str) else b"",
            label=fields.get("label", ""),
            fault=around.fault,
            outputs=fields.get("outputs", ()),
            terminal=A_TERMINAL if fields.get("allocate_tty") else None,
        )
        if "outputs_size" in fields:
            job = attrs.evolve(job, outputs_bytes=fields["outputs_size"])
        return PlannedJob(job=job, stdin_file="" if isinstance(stdin, str) else stdin["file"])

    def _surroundings(self, place: Place, about: Mapping[str, Any]) -> _Surroundings | None:
        # What parents come to does not change, since none is ever written anew.
        # Not by equality: true would be 1.
        key = repr(about)
        known = self._remembered.get(key)
        if known is None:
            known = self._read_surroundings(place, about)
            if known is not None:
                self._remembered[key] = known
                if len(self._remembered) > MOST_REMEMBERED:
                    self._remembered.popitem(last=False)
        else:
            self._remembered.move_to_end(key)
        return known

    def _read_surroundings(self, place: Place, about: Mapping[str, Any]) -> _Surroundings | None:
        before = len(place.faults)
        fields = place.fields(about, _CONTAINER_READERS)
        if not any(name in about for name in _FILES_FROM):
            fields["parent"] = (DEFAULT, None)
        one = said(place, fields, is_directive=False)
        check_parent(place, one, self._written, [DEFAULT])
        if len(place.faults) > before:
            return None
        image = self._family.image_of(one)
        if image in self._refused:
            # Somebody else's failure, perhaps, and of this job alone: all others are run.
            return _Surroundings(NOTHING, (), "/", f"image: {self._refused[image]}")
        if image and image not in self._images:
            raise ImageWanted(image)
        try:
            spec = self._family.collapsed(one)
        except InputError as error:
            place.faults.extend(error.faults)
            return None
        shared = attrs.evolve(spec, environment=(), working_directory="/")
        shared = self._shared.setdefault(shared, shared)
        return _Surroundings(shared, spec.environment, spec.working_directory)
