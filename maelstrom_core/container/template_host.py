"""The slot process of a template: one program that stays, and the forks of it that run jobs.

Standard library only. Unlike other slots it runs many jobs at once, since all of them are forks of
one process. A few forks are made ahead: each has its namespaces and its root, and waits for what it
is to do, so that a job's container is made while the jobs before it run.

With the template it speaks over a SEQPACKET socket, in JSON, since the template is any program in
any container: see ``docs/templates.md``.
"""

import contextlib
import json
import os
import select
import signal
import socket
import time
from array import array
from collections import deque
from struct import unpack_from
from typing import TYPE_CHECKING, Any

from maelstrom_core.container.bounded import Bounded
from maelstrom_core.container.child import StepFailed
from maelstrom_core.container.job_plan import fork_namespaces_of, fork_steps, job_steps
from maelstrom_core.container.measuring import Measuring
from maelstrom_core.container.packets import memory_file, receive, send
from maelstrom_core.container.restrict_plan import Role
from maelstrom_core.container.running import (
    QUIET_SECONDS,
    RECORD_BYTES,
    REPORT,
    STATUS,
    STDERR,
    STDOUT,
    RunningJob,
)
from maelstrom_core.container.script import Step, Table, laid_out
from maelstrom_core.container.terminals import Link

if TYPE_CHECKING:
    from maelstrom_core.container.slot import Slot

TEMPLATE = 0
"""The template's own number as a job."""
_STREAMS = (STDOUT, STDERR, REPORT, STATUS)
_TOLD_AT_THE_END = STATUS
"""Waking up for it would only hold up pid 1, which is about to end."""
_LATER_SECONDS = 0.2
_SMALL_REQUEST = 32 * 1024
"""Fits into any pipe at once."""
_PACKET = 64 * 1024


class ForkedJob(RunningJob):
    """A fork of a template: not a child of this process, but known by a descriptor all the same."""

    def __init__(self, control: socket.socket, number: int, request: int, **fields: Any) -> None:
        super().__init__(control, -number, pid=0, pidfd=-1, output_bytes=0, began=0.0, **fields)
        self.number = number
        self.request = request
        self.signals: list[int] = []
        self.answers: list[Any] = []
        self.killed = False
        self.unsent = []

    def give(self, job: int, request: bytes, output_bytes: int) -> None:
        """Let it be a job."""
        self.job = job
        self.began = time.monotonic()
        for stream in (STDOUT, STDERR):
            # It may have written something while it waited, and did not: it only reads.
            self.streams[stream] = Bounded(output_bytes, keep_tail=True)
        self.unsent.insert(0, ("started", job))
        if self.request >= 0:
            with contextlib.suppress(BrokenPipeError):  # it has just ended, which is told of next
                os.write(self.request, request)
            os.close(self.request)
            self.request = -1

    @property
    def waits(self) -> bool:
        """Whether it has nothing to do yet."""
        return self.job < 0

    def explains_its_end(self) -> bool:
        """Whether it is known why its pid 1 has ended."""
        self.read(STATUS, self.pipes[STATUS])
        return self.killed or len(self.record) == RECORD_BYTES

    def signal(self, number: int) -> None:
        """Send a signal, as soon as it is known where to."""
        self.killed |= number == signal.SIGKILL
        if self.pidfd < 0:
            self.signals.append(number)
        else:
            super().signal(number)

    def answer(self, message: Any) -> None:
        """Do what the engine says about its terminal, as soon as it is known where it runs."""
        if self.pidfd < 0:
            self.answers.append(message)
        else:
            super().answer(message)

    def abandon(self) -> None:
        """Let go of one that was never given anything to do, or never came to be."""
        for descriptor in (*self.pipes.values(), self.request, self.pidfd):
            if descriptor >= 0:
                os.close(descriptor)
        self.hang_up()
        self.let_go()

    def _wait(self) -> tuple[int, float, float, int]:
        if len(self.record) != RECORD_BYTES:
            return int(signal.SIGKILL), 0.0, 0.0, 0
        seconds, micro, system_seconds, system_micro = unpack_from("<4q", self.record, 16)
        return 0, seconds + micro / 1e6, system_seconds + system_micro / 1e6, 0


class TemplateHost:
    """Starts a template, has it forked, and watches all of it."""

    def __init__(self, slot: "Slot", launch: tuple[Any, ...]) -> None:
        """Start the template; what fails is told to the engine.

        :param launch: key of the container, arguments for the init, environment, working
            directory, how much output is kept, standard input, how many forks to make ahead
        """
        self.slot = slot
        self.control = slot.control
        key, arguments, environment, directory, output_bytes, stdin, self._ahead = launch
        self._forks: dict[int, ForkedJob] = {}
        self._waiting: deque[ForkedJob] = deque()
        self._jobs: dict[int, ForkedJob] = {}
        self._number = 0
        self._poll = select.poll()
        self._readers: dict[int, tuple[RunningJob, int]] = {}
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._template: RunningJob | None = None
        self._measuring = Measuring(slot.proc)
        self._steps: list[Step] = []
        prepared = slot.prepared.get(key)
        if prepared is None:
            failed = slot.failures[key]
            slot.not_started(TEMPLATE, failed.step, failed.errno)
            return
        self._degraded = prepared.degraded
        blueprint = prepared.blueprint
        self._devices = blueprint.devices
        steps = job_steps(blueprint, slot.facts, prepared.kinds, role=Role.TEMPLATE)
        try:
            with theirs:
                script = (Table(steps, slot.numbers), theirs.fileno())
                started = slot.launch_template(
                    prepared, directory, arguments, environment, stdin, script
                )
        except StepFailed as refused:
            slot.not_started(TEMPLATE, refused.step, refused.errno)
            return
        self._template = RunningJob(
            self.control,
            TEMPLATE,
            pid=started.pid,
            pidfd=started.pidfd,
            pipes=started.pipes,
            output_bytes=output_bytes,
            began=time.monotonic(),
            degraded=prepared.degraded,
            proc=slot.proc,
        )
        self._steps = fork_steps(blueprint, slot.facts, prepared.kinds, working_directory=directory)
        self._tell_script(fork_namespaces_of(blueprint))
        self._watch(self._template)

    def _tell_script(self, namespaces: int) -> None:
        layout = laid_out(self._steps, self.slot.numbers)
        code = None if self.slot.stub is None else self.slot.code
        files = [self.slot.init, memory_file(layout.words.tobytes())]
        files += [] if code is None else [memory_file(code)]
        self._say(
            {
                "kind": "script",
                "relocations": layout.relocations,
                "parameters": layout.parameters,
                "namespaces": namespaces,
                "clone3": self.slot.numbers["clone3"],
            },
            files,
        )
        for file in files[1:]:
            os.close(file)

    def _say(self, message: dict[str, Any], descriptors: list[int]) -> None:
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))
        try:
            self._link.sendmsg([json.dumps(message).encode()], [rights] if descriptors else [])
        except OSError:
            return  # it is gone, which its pidfd tells as well

    def _watch(self, job: RunningJob) -> None:
        pipes = {descriptor: stream for stream, descriptor in job.pipes.items()}
        for descriptor, stream in (pipes | job.beside_pipes()).items():
            if stream == _TOLD_AT_THE_END or descriptor in self._readers:
                continue
            self._readers[descriptor] = (job, stream)
            self._poll.register(descriptor, select.POLLIN)
        if job.pidfd >= 0 and job.pidfd not in self._readers:
            self._readers[job.pidfd] = (job, 0)
            self._poll.register(job.pidfd, select.POLLIN)

    def serve(self) -> None:
        """Do what the engine says until it or the template is gone."""
        if self._template is None:
            return
        control, link = self.control.fileno(), self._link.fileno()
        self._poll.register(control, select.POLLIN)
        self._poll.register(link, select.POLLIN)
        while True:
            jobs = (self._template, *self._jobs.values())
            pressed = any(job.is_pressed for job in jobs)
            ready = self._poll.poll(self._measuring.patience(QUIET_SECONDS if pressed else None))
            if not ready:
                for job in jobs:
                    job.flush()
            for descriptor, _ in ready:
                if descriptor == control:
                    message = receive(self.control)
                    if message is None:
                        return
                    self._obey(message)
                elif descriptor == link:
                    if not self._listen():
                        self._poll.unregister(link)
                elif descriptor in self._readers:
                    job, stream = self._readers[descriptor]
                    if stream:
                        if not job.read(stream, descriptor):
                            self._forget(descriptor)
                    elif job is self._template:
                        job.finish()
                        job.flush()
                        return
                    elif isinstance(job, ForkedJob):
                        self._ended(job)
            self._measure()

    def _measure(self) -> None:
        """Tell the engine what the template takes, if that is due and has changed."""
        if self._template is None or not self._measuring.is_due():
            return
        ahead = [fork.pidfd for fork in self._waiting if fork.pidfd >= 0]
        memory = self._measuring.measure(self._template.pidfd, ahead)
        if memory is not None:
            send(self.control, [("memory", memory)])

    def _forget(self, descriptor: int) -> None:
        if self._readers.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def _obey(self, message: tuple[Any, ...]) -> None:
        match message:
            case ("fork", int(job), bytes(request), int(output_bytes)):
                large = len(request) > _SMALL_REQUEST
                if large or not self._waiting:
                    fork = self._fork(memory_file(request) if large else None)
                else:
                    fork = self._waiting.popleft()
                self._jobs[job] = fork
                fork.give(job, request, output_bytes)
                self._make_ahead()
            case ("signal", int(job), int(number)):
                if job == TEMPLATE and self._template is not None:
                    self._template.signal(number)
                elif job in self._jobs:
                    self._jobs[job].ask(number)
            case ("attach" | "type" | "resize" | "refuse", int(job), *_) if job in self._jobs:
                self._jobs[job].answer(message)
                self._watch(self._jobs[job])

    def _make_ahead(self) -> None:
        while len(self._waiting) < self._ahead:
            self._waiting.append(self._fork(None))

    def _fork(self, stdin: int | None) -> ForkedJob:
        """Ask the template for a fork.

        :param stdin: what it reads; a pipe by default
        """
        self._number += 1
        pipes = {stream: os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK) for stream in _STREAMS}
        for _, writing in pipes.values():
            os.set_blocking(writing, True)
        request = -1
        if stdin is None:
            stdin, request = os.pipe2(os.O_CLOEXEC)
        link = Link()
        theirs = [stdin, *(pipes[stream][1] for stream in _STREAMS)]
        self._say({"kind": "fork", "fork": self._number}, [*theirs, link.theirs])
        for descriptor in theirs:
            os.close(descriptor)
        link.sent()
        fork = ForkedJob(
            self.control,
            self._number,
            request,
            pipes={stream: ends[0] for stream, ends in pipes.items()},
            degraded=self._degraded,
            proc=self.slot.proc,
            link=link,
            devices=self._devices,
        )
        self._forks[self._number] = fork
        self._watch(fork)
        return fork

    def _listen(self) -> bool:
        """Take in what the template says; false if it says nothing more."""
        try:
            data, ancillary, _, _ = self._link.recvmsg(_PACKET, socket.CMSG_SPACE(4))
        except OSError:
            return False
        if not data:
            return False
        pidfd = -1
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                (pidfd,) = array("i", content[:4])
        message = json.loads(data)
        fork = self._forks.get(message.get("fork", 0))
        match message["kind"]:
            case "ready":
                assert self._template is not None
                # What it has written until now is told first.
                for stream, descriptor in self._template.pipes.items():
                    while stream != _TOLD_AT_THE_END and self._template.read(stream, descriptor):
                        pass
                self._template.flush()
                send(self.control, [("warm", list(message["unfit"]), int(message["memory"]))])
                self._measuring.soon()
                if not message["unfit"]:
                    self._make_ahead()
            case "forked" if fork is not None:
                fork.pidfd = pidfd
                fork.hold_mounts()
                for number in fork.signals:
                    fork.signal(number)
                for answer in fork.answers:
                    fork.answer(answer)
                self._watch(fork)
            case "failed" if fork is not None:
                self._drop(fork)
                step = Step("clone3", (), "fork the template")
                index = message["index"]
                if index < len(self._steps):
                    step = self._steps[index]
                if not fork.waits:
                    self.slot.not_started(fork.job, step, message["errno"])
            case "unfit" if fork is not None:
                self._drop(fork)
                if not fork.waits:
                    send(self.control, [("unfit", fork.job, list(message["why"]))])
        return True

    def _drop(self, fork: ForkedJob) -> None:
        """Forget a fork that never came to be."""
        for descriptor in (*fork.pipes.values(), *fork.beside_pipes()):
            self._forget(descriptor)
        fork.abandon()
        del self._forks[fork.number]
        if fork.waits:
            self._waiting.remove(fork)
        else:
            del self._jobs[fork.job]

    def _ended(self, fork: ForkedJob) -> None:
        for descriptor in (*fork.pipes.values(), *fork.beside_pipes(), fork.pidfd):
            self._forget(descriptor)
        del self._forks[fork.number]
        if fork.waits:
            # Killed by somebody before it had anything to do: nobody has missed it.
            self._waiting.remove(fork)
            fork.abandon()
            return
        if not fork.explains_its_end() and self._template_has_ended():
            # It was killed along with the template, and the engine shall know that, not this.
            return
        del self._jobs[fork.job]
        self._measuring.soon()
        fork.finish()
        fork.flush()
        fork.let_go()

    def _template_has_ended(self) -> bool:
        """Whether the template is gone; its end is seen a little later than that of its forks."""
        assert self._template is not None
        poll = select.poll()
        poll.register(self._template.pidfd, select.POLLIN)
        return bool(poll.poll(_LATER_SECONDS * 1000))
