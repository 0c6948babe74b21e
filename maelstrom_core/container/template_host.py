"""The slot process of a template: one program that stays, and the forks of it that run jobs.

Standard library only. Unlike other slots it runs many jobs at once, since all of them are forks of
one process. A few forks are made ahead: each has its namespaces and its root, and waits for what it
is to do, so that a job's container is made while the jobs before it run.

With the template it speaks over a SEQPACKET socket, in JSON, since the template is any program in
any container: see ``docs/templates.md``.
"""

import json
import os
import select
import signal
import socket
import sys
import time
from array import array
from collections import deque
from typing import TYPE_CHECKING, Any

from maelstrom_core.container.child import StepFailed
from maelstrom_core.container.fork_script import ANSWER, ANSWERS, ASKS, REQUEST, fork_script
from maelstrom_core.container.forked_job import ForkedJob
from maelstrom_core.container.job_plan import fork_namespaces_of, fork_steps, job_steps
from maelstrom_core.container.measuring import Measuring
from maelstrom_core.container.packets import memory_file, receive, send
from maelstrom_core.container.restrict_plan import Role
from maelstrom_core.container.running import (
    QUIET_SECONDS,
    REPORT,
    STATUS,
    STDERR,
    STDOUT,
    RunningJob,
)
from maelstrom_core.container.script import Step, Table
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
        self._packed = False
        prepared = slot.prepared.get(key)
        if prepared is None:
            failed = slot.failures[key]
            slot.not_started(TEMPLATE, failed.step, failed.errno)
            return
        self._degraded, self._limited = prepared.degraded, prepared.limited
        blueprint = prepared.blueprint
        self._terminals = blueprint.terminals
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
            limits=slot.limits_of(prepared.limited),
        )
        self._steps = fork_steps(blueprint, slot.facts, prepared.kinds, working_directory=directory)
        self._tell_script(fork_namespaces_of(blueprint))
        self._watch(self._template)

    def _tell_script(self, namespaces: int) -> None:
        code = None if self.slot.stub is None else self.slot.code
        message, files = fork_script(self._steps, self.slot.numbers, namespaces, code)
        self._say(message, [self.slot.init, *files])
        for file in files:
            os.close(file)

    def _say(self, message: dict[str, Any], descriptors: list[int]) -> None:
        self._send(json.dumps(message).encode(), descriptors)

    def _send(self, data: bytes, descriptors: list[int]) -> None:
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))
        try:
            self._link.sendmsg([data], [rights] if descriptors else [])
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
        if self._packed:
            self._send(REQUEST.pack(ASKS, self._number), [*theirs, link.theirs])
        else:
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
            terminals=self._terminals,
            limits=self.slot.limits_of(self._limited),
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
        message = _answer(data) if len(data) == ANSWER.size else json.loads(data)
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
                self._packed = bool(message.get("packed"))
                if not message["unfit"]:
                    self._make_ahead()
            case "forked" if fork is not None:
                try:
                    fork.found(pidfd)
                except StepFailed as refused:
                    fork.signal(signal.SIGKILL)
                    self._not_forked(fork, refused.step, refused.errno)
                else:
                    self._watch(fork)
            case "failed" if fork is not None:
                step = Step("clone3", (), "fork the template")
                index = message["index"]
                if index < len(self._steps):
                    step = self._steps[index]
                self._not_forked(fork, step, message["errno"])
            case "unfit" if fork is not None:
                self._drop(fork)
                if not fork.waits:
                    send(self.control, [("unfit", fork.job, list(message["why"]))])
        return True

    def _not_forked(self, fork: ForkedJob, step: Step, errno: int) -> None:
        self._drop(fork)
        if not fork.waits:
            self.slot.not_started(fork.job, step, errno)

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
        poll.register(self._link, 0)  # hung up at once; its pid 1 gives those it leaves a moment
        return bool(poll.poll(_LATER_SECONDS * 1000))


def _answer(data: bytes) -> dict[str, Any]:
    """What a packed answer says, in the words of the others."""
    kind, number, pid, index, errno = ANSWER.unpack(data)
    if kind != ANSWERS:
        return dict(json.loads(data))
    if pid > 0 and index < 0:
        return {"kind": "forked", "fork": number}
    if pid < 0:
        return {"kind": "failed", "fork": number, "index": sys.maxsize, "errno": -pid}
    return {"kind": "failed", "fork": number, "index": index, "errno": errno}
