"""Documents → jobs that can be run, one document after the other. Pure.

A job that says nothing of where its files come from (no ``layers``, ``parent``, ``image``) has the
container `DEFAULT` as its parent. Variables and the working directory are no part of a job's container
here, but its own: so thousands of jobs that differ in nothing else share one container. Equal ones are
the same object, since what runs them knows a container by that.
"""

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
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
    :param wants: an image without which not all of the job is known; see `JobPlanner.finished`
    """

    job: JobSpec
    stdin_file: str = ""
    wants: "ImageWanted | None" = None


@attrs.frozen(kw_only=True)
class ImageWanted:
    """A job is in an image of which nothing is known yet.

    :param image: its name, as it is written
    :param about: what the job says of its container
    :param what: the document, in words, for errors
    :param place: of the job in it
    :param has_program: otherwise it runs what the image says
    """

    image: str
    about: Mapping[str, Any]
    what: str
    place: str
    has_program: bool


@attrs.frozen
class _Surroundings:
    """What a job's container comes to: what is shared, and what is the job's own.

    :param image: what it is made from in the end
    """

    container: ContainerSpec
    environment: tuple[tuple[str, str], ...]
    working_directory: str
    fault: str = ""
    image: Image | None = None


class JobPlanner:
    """Makes jobs of documents; for one thread at a time.

    :param default: the container `DEFAULT`
    :param client: variables of this process, for ``$env{…}``
    :param project: what relative paths are relative to, absolute
    :param timeout: of jobs that say nothing of it
    :param output_bytes: how much of each of a job's streams is kept
    :param captures: whether what jobs write to their roots comes back, whatever they say
    """

    def __init__(
        self,
        *,
        default: ContainerSpec,
        client: Mapping[str, str],
        project: str,
        timeout: float | None = None,
        output_bytes: int = DEFAULT_OUTPUT_BYTES,
        captures: bool = False,
    ) -> None:
        self._timeout = timeout
        self._captures = captures
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
        self._go_round = False
        """Whether parents of the document at hand may go round in a circle."""

    def take(
        self, document: Mapping[str, Any], *, what: str, command: tuple[str, ...] = ()
    ) -> list[PlannedJob]:
        """The jobs of a document; its containers are known from now on.

        :param what: the document, in words, for errors
        :param command: program and arguments that take the place of those that are written
        :raises InputError: all its faults, each with its path; nothing of it is taken then
        """
        place = Place("", [], self._templates)
        if DOCUMENT.isdisjoint(document):
            # One job and nothing else, as most documents are of which there are many.
            planned = place.read(partial(self._job, command=command, what=what), document)
            if planned is not None and not place.faults:
                return [planned]
            raise InputError(f"{what} cannot be used", place.faults)
        around, own = split(document, DOCUMENT)
        new: Mapping[str, Said] = {}
        if "containers" in around:
            new = place.key("containers").read(containers, around["containers"]) or {}
            check_parents(place.key("containers"), new, [DEFAULT, *self._written])
            self._go_round = bool(place.faults)
        before = dict(self._written)
        there = (*before, DEFAULT)
        self._written.update((name, one) for name, one in new.items() if name not in there)
        try:
            jobs = self._jobs(place, around, own, command, what)
            if not place.faults:
                return jobs
            raise InputError(f"{what} cannot be used", place.faults)
        except InputError:
            self._written.clear()
            self._written.update(before)
            raise
        finally:
            self._go_round = False

    def finished(self, planned: PlannedJob) -> JobSpec:
        """A job of which all is known: its image was brought, or refused.

        :raises InputError: for what only the image can tell to be a fault
        """
        wants = planned.wants
        if wants is None:
            return planned.job
        place = Place(wants.place, [])
        around = self._surroundings(place, wants.about)
        if isinstance(around, str):
            raise ValueError(f"the image {around} was neither brought nor refused")
        job = planned.job if around is None else _within(planned.job, around)
        if around is not None and not wants.has_program and not around.fault:
            job = _as_image_says(place, job, around.image)
        if place.faults:
            raise InputError(f"{wants.what} cannot be used", place.faults)
        return job

    def has_to_be_brought(self, image: str) -> bool:
        """Whether nothing is known of an image yet."""
        return image not in self._images and image not in self._refused

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
        what: str,
    ) -> list[PlannedJob]:
        job = partial(self._job, command=command, what=what)
        if "jobs" in around:
            for name in own:
                place.key(name).fault("a job's own keys cannot stand beside jobs")
            reader = list_of(shaped(True)(job))
            return list(place.key("jobs").read(reader, around["jobs"]) or ())
        if own or not around:
            planned = place.read(job, own)
            return [] if planned is None else [planned]
        return []

    def _job(
        self, place: Place, value: object, command: tuple[str, ...], what: str
    ) -> PlannedJob | None:
        if not isinstance(value, Mapping):
            raise BadValue("a table")
        about, own = split(value, _CONTAINER_READERS)
        has_program = bool(command) or "program" in own
        needed = () if has_program or self._may_be_in_image(about) else ("program",)
        # All readers are given, so that a misspelt key is told the nearest of all.
        fields = place.fields(own, _JOB_READERS, needed=needed)
        if "expected_duration" in fields and "estimated_duration" in fields:
            place.key("estimated_duration").fault("either expected_duration or estimated_duration")
        around = self._surroundings(place, about)
        if around is None or place.faults:
            return None
        program, *arguments = command or (
            fields.get("program", ""),
            *fields.get("arguments", ()),
        )
        stdin = fields.get("stdin", "")
        wants = None
        if isinstance(around, str):
            wants = ImageWanted(
                image=around, about=about, what=what, place=place.path, has_program=has_program
            )
            around = _UNKNOWN
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
        if wants is None and not has_program and not around.fault:
            job = _as_image_says(place, job, around.image)
        file = "" if isinstance(stdin, str) else stdin["file"]
        return PlannedJob(job=job, stdin_file=file, wants=wants)

    def _may_be_in_image(self, about: Mapping[str, Any]) -> bool:
        parent = about.get("parent")
        parent = parent.get("name") if isinstance(parent, Mapping) else parent
        written = self._written.get(parent) if isinstance(parent, str) else None
        if "image" in about or written is None:
            return "image" in about
        return not self._go_round and bool(self._family.image_of(written))

    def _surroundings(self, place: Place, about: Mapping[str, Any]) -> _Surroundings | str | None:
        """What a job's container comes to; name of an image if that must be brought first."""
        # What parents come to does not change, since none is ever written anew.
        # Not by equality: true would be 1.
        key = repr(about)
        known = self._remembered.get(key)
        if known is not None:
            self._remembered.move_to_end(key)
            return known
        read = self._read_surroundings(place, about)
        if isinstance(read, _Surroundings):
            self._remembered[key] = read
            if len(self._remembered) > MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return read

    def _read_surroundings(
        self, place: Place, about: Mapping[str, Any]
    ) -> _Surroundings | str | None:
        before = len(place.faults)
        fields = place.fields(about, _CONTAINER_READERS)
        if not any(name in about for name in _FILES_FROM):
            fields["parent"] = (DEFAULT, None)
        one = said(place, fields, is_directive=False)
        check_parent(place, one, self._written, [DEFAULT])
        if len(place.faults) > before or (self._go_round and one.parent in self._written):
            return None
        image = self._family.image_of(one)
        if image in self._refused:
            # Somebody else's failure, perhaps, and of this job alone: all others are run.
            return _Surroundings(NOTHING, (), "/", f"image: {self._refused[image]}")
        if image and image not in self._images:
            return image
        try:
            spec = self._family.collapsed(one)
        except InputError as error:
            place.faults.extend(error.faults)
            return None
        if self._captures and spec.root.writable:
            spec = attrs.evolve(spec, root=attrs.evolve(spec.root, captured=True))
        shared = attrs.evolve(spec, environment=(), working_directory="/")
        shared = self._shared.setdefault(shared, shared)
        made_from = self._images[image] if image else None
        return _Surroundings(shared, spec.environment, spec.working_directory, image=made_from)


_UNKNOWN = _Surroundings(NOTHING, (), "/")


def _within(job: JobSpec, around: _Surroundings) -> JobSpec:
    return attrs.evolve(
        job,
        container=around.container,
        environment=around.environment,
        working_directory=around.working_directory,
        fault=around.fault,
    )


def _as_image_says(place: Place, job: JobSpec, image: Image | None) -> JobSpec:
    """A job without a program: it runs its image's; its own arguments are in place of those there."""
    entry = () if image is None else image.entrypoint
    command = (*entry, *(job.arguments or (() if image is None else image.command)))
    if not entry and job.arguments:
        place.fault("program is missing: its image has no entry point that takes its arguments")
    elif not command:
        place.fault("program is missing: its image does not say what to run")
    else:
        return attrs.evolve(job, program=command[0], arguments=command[1:])
    return job
