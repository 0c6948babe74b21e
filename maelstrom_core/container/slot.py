"""A slot process: small, single-threaded, one job at a time. Standard library only.

Started as ``python -I -S slot.py CONTROLS PIDS NETWORK CALLS GROUPS INTERPRETER`` by the engine's side
(`maelstrom_core.container.slot_process`), with a SOCK_SEQPACKET socket as its only link; for several
sockets, several such processes come of it (`siblings`). It makes a user namespace and a pid namespace
of its own and forks: the child is the slot, pid 1 of that pid namespace, so that whatever ends it ends
every job with it; the process that was started only waits for it. The slot ends when the engine does:
its socket reaches its end, and the parent-death signal runs along the same line.

It is a process of its own since user namespaces cannot be unshared by a threaded one, and since a
fork of something small is cheap.
"""

import contextlib
import os
import socket
import sys
import time
from array import array
from typing import Any

if __name__ == "__main__":
    # -I and -S leave nothing on the path from which this package could be imported.
    sys.path.insert(0, os.path.realpath(os.path.join(os.path.dirname(__file__), "../..")))

from maelstrom_core.container import child, limits_plan, syscalls
from maelstrom_core.container import flags as k
from maelstrom_core.container.ahead import Ahead, Anticipation, Child, Shape
from maelstrom_core.container.blueprint import Blueprint
from maelstrom_core.container.child import StepFailed
from maelstrom_core.container.code import init_descriptor, mapped_stub
from maelstrom_core.container.collecting import collecting
from maelstrom_core.container.descriptors import out_of_the_way
from maelstrom_core.container.facts import SlotFacts, slot_facts
from maelstrom_core.container.group_ids import clone_and_let_in, enter
from maelstrom_core.container.job_plan import GATE, job_steps, namespaces_of
from maelstrom_core.container.limited import Group, JobLimits, Limited, end_first, looking_from
from maelstrom_core.container.on_its_way import OnItsWay
from maelstrom_core.container.packets import OtherSideGone, memory_file, receive, send
from maelstrom_core.container.place import Place
from maelstrom_core.container.prepared import Prepared, as_found
from maelstrom_core.container.running import REPORT, STATUS, STDERR, STDOUT, RunningJob
from maelstrom_core.container.script import Step, Strings, Table
from maelstrom_core.container.seccomp_plan import filter_for
from maelstrom_core.container.siblings import become_one
from maelstrom_core.container.signals import ignore_no_signal
from maelstrom_core.container.slot_plan import filter_steps
from maelstrom_core.container.stub import stub_for
from maelstrom_core.container.template_host import TemplateHost
from maelstrom_core.container.terminals import HandedOver, Link
from maelstrom_core.container.tree_plan import tree_steps

SIGCHLD = 17


class Slot:
    """Prepares containers, launches jobs, passes on what they write, tells how they end."""

    def __init__(
        self, control: socket.socket, facts: SlotFacts, *, own_network: bool, interpreter: str
    ) -> None:
        self.control = control
        self.facts = facts
        self.own_network = own_network
        self.numbers = syscalls.NUMBERS[facts.machine]
        self.place = Place(self.numbers, own_network=own_network)
        self.proc = self.place.proc
        self.null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        self.prepared: dict[str, Prepared] = {}
        self.failures: dict[str, StepFailed] = {}
        self.clone_arguments = array("Q", bytes(8 * 11))
        self.pidfd = array("i", [-1, 0])
        self.clone_arguments[1] = self.pidfd.buffer_info()[0]
        self.clone_arguments[4] = SIGCHLD
        # Read now: later this process no longer sees the host's files.
        self.code = None if interpreter == "python" else stub_for(facts.machine)
        self.stub = None if self.code is None else mapped_stub(self.code)
        self.degraded: tuple[str, ...] = ()
        if self.stub is None and interpreter != "python":
            self.degraded = ("the machine-code interpreter cannot be used on this host",)
        self.init = init_descriptor(facts.machine)
        self.anticipation = Anticipation()

    def serve(self) -> None:
        """Do what the engine says until it is gone."""
        waiting: list[object] = []
        while True:
            message = waiting.pop(0) if waiting else receive(self.control)
            if message is None:
                return
            match message:
                case ("prepare", str(key), dict(plain)):
                    self.prepare(key, plain)
                case ("forget", str(key)):
                    self.forget(key)
                case ("template", tuple(launch)):
                    TemplateHost(self, launch).serve()
                    return
                case ("launch", tuple(launch)):
                    running = self.launch(*launch)
                    if running is not None:
                        if not running.watch():
                            return
                        waiting += running.later
                        running.flush()
                        self.make_ahead()
                        running.let_go()

    def prepare(self, key: str, plain: dict[str, object]) -> None:
        """Make a container ready. What fails is told by each launch that names it."""
        blueprint = Blueprint.from_plain(plain)
        self.forget(key)
        limited = None
        try:
            self.place.enter_network(blueprint.network)
            self.place.look_at(self.place.host_view)
            limited = Limited(blueprint, self.facts, self.proc)
            blueprint, kinds, lacking = as_found(blueprint)
            steps = tree_steps(blueprint, self.facts, kinds, own_network=self.own_network)
            self.place.perform(steps, host_view=self.place.host_view)
        except StepFailed as failed:
            self.place.view = -1
            self.failures[key] = failed
            if limited is not None:
                limited.let_go()
            return
        self.place.view = self.place.namespace("mnt")
        table = Table(job_steps(blueprint, self.facts, kinds), self.numbers)
        degraded = self.degraded + lacking + limits_plan.degraded(blueprint, self.facts)
        self.prepared[key] = Prepared(blueprint, self.place.view, table, kinds, degraded, limited)

    def forget(self, key: str) -> None:
        """Let go of a container."""
        self.failures.pop(key, None)
        self.anticipation.forget(key)
        prepared = self.prepared.pop(key, None)
        if prepared is not None:
            if self.place.view == prepared.view:
                self.place.look_at(self.place.host_view)
            prepared.limited.let_go()
            os.close(prepared.view)

    def launch(
        self,
        job: int,
        key: str,
        arguments: tuple[bytes, ...],
        environment: tuple[tuple[str, str], ...],
        directory: bytes,
        output_bytes: int,
        report: bool,
        stdin: bytes,
        terminal: tuple[int, int] | None,
        attachable: bool,
        outputs: tuple[tuple[str, ...], int],
    ) -> RunningJob | None:
        """Start a job.

        :param arguments: for the init: its name, the paths to try, an empty text, ``argv``
        :param terminal: rows and columns of the terminal that it begins on, if it does
        :param attachable: whether it has a link, over which it may ask for one
        :return: the job, or ``None`` if it could not be started, which the engine has been told
        """
        failed = self.failures.get(key)
        if failed is not None:
            self.not_started(job, failed.step, failed.errno)
            return None
        prepared, shape = self.prepared[key], Shape(key, directory, report, bool(outputs[0]))
        # What is made ahead can neither read anything nor have a terminal.
        plain = not (stdin or terminal or attachable)
        ahead = self.anticipation.take(shape) if plain else None
        began = time.monotonic()
        link = Link() if attachable else None
        if ahead is not None and ahead.begin(arguments, environment):
            started = ahead.child
        else:
            source = memory_file(stdin) if stdin else self.null
            try:
                self.place.enter_network(prepared.blueprint.network)
                self.place.look_at(prepared.view)
                started = self._start(
                    prepared,
                    shape,
                    arguments,
                    environment,
                    source,
                    -1 if link is None else link.theirs,
                    terminal=terminal,
                )
            except StepFailed as refused:
                if link is not None:
                    link.close()
                self.not_started(job, refused.step, refused.errno)
                return None
            finally:
                if source != self.null:
                    os.close(source)
        if link is not None:
            link.sent()
        return RunningJob(
            self.control,
            job,
            pid=started.pid,
            pidfd=started.pidfd,
            pipes=started.pipes,
            output_bytes=output_bytes,
            began=began,
            degraded=prepared.degraded,
            proc=self.proc,
            link=link,
            line=started.line,
            terminals=prepared.blueprint.terminals,
            collect=collecting(self.place.view, self.numbers, directory, *outputs),
            limits=self.limits_of(prepared.limited, started.group, started.pid),
            changes=started.changes,
            mounts=started.mounts,
        )

    def limits_of(self, limited: Limited, *more: Any) -> JobLimits:
        """Limits of a job; see `JobLimits`."""
        return JobLimits(limited, looking_from(self.place.view, self.numbers), *more)

    def make_ahead(self) -> None:
        """Make the container that the next job will probably need."""
        shape = self.anticipation.wanted()
        if shape is None:
            return
        blueprint = self.prepared[shape.key].blueprint
        if not blueprint.init or blueprint.captured:
            return
        reading, gate = os.pipe2(os.O_CLOEXEC)
        try:
            waiting = self._start(
                self.prepared[shape.key], shape, (b"maelstrom-init",), (), self.null, reading
            )
        except StepFailed:
            os.close(gate)  # the next job finds out by itself, and says so
        else:
            self.anticipation.made = Ahead(shape, waiting, gate)
        finally:
            os.close(reading)

    def launch_template(
        self,
        prepared: Prepared,
        directory: bytes,
        arguments: tuple[bytes, ...],
        environment: tuple[tuple[str, str], ...],
        stdin: bytes,
        script: tuple[Table, int],
    ) -> Child:
        """Start a template.

        :param arguments: as for `launch`
        :param script: of a template, and its end of the socket over which it is asked for forks
        :raises StepFailed: with the step that failed; nothing is left then
        """
        self.place.enter_network(prepared.blueprint.network)
        self.place.look_at(prepared.view)
        table, control = script
        table.set("control", control)
        source = memory_file(stdin)
        try:
            shape = Shape("", directory, report=True)
            return self._start(prepared, shape, arguments, environment, source, table=table)
        finally:
            os.close(source)

    def _start(
        self,
        prepared: Prepared,
        shape: Shape,
        arguments: tuple[bytes, ...],
        environment: tuple[tuple[str, str], ...],
        source: int,
        letter: int = -1,
        table: Table | None = None,
        terminal: tuple[int, int] | None = None,
    ) -> Child:
        """Make a container and start its pid 1.

        :param source: descriptor of its standard input
        :param letter: descriptor over which the init is told what to do, if not by its arguments;
            where it is told by those, the program has it as its link
        :param table: another script than that of an ordinary job
        :param terminal: rows and columns of a terminal that is its standard streams
        :raises StepFailed: with the step that failed; nothing is left then
        """
        # A template is no job; and each of its forks gets a group of its own.
        group = prepared.limited.group() if table is None else None
        table = table or (
            prepared.script(self.facts, self.numbers, terminal=bool(terminal), held=shape.held)
        )
        init, report = prepared.blueprint.init, shape.report
        wanted = [STDOUT, STDERR, *([REPORT] if report else []), *([STATUS] if init else [])]
        pipes = {stream: os.pipe2(os.O_CLOEXEC) for stream in wanted}
        for reading, _ in pipes.values():
            os.set_blocking(reading, False)
        # Without an init the program itself is started, from the first of the paths to try.
        own = arguments if init else arguments[arguments.index(b"") + 1 :]
        argv, envp = Strings(own), prepared.environment(environment)
        cwd = array("B", shape.directory + b"\0")
        program = array("B", arguments[0 if init else 1] + b"\0")
        table.set("proc", self.proc)
        table.set("stdin", source)
        table.set("stdout", pipes[STDOUT][1])
        table.set("stderr", pipes[STDERR][1])
        table.set("report", pipes[REPORT][1] if report else self.null)
        table.set("report flags", 0 if report else os.O_CLOEXEC)
        table.set("argv", argv.address)
        table.set("envp", envp.address)
        table.set("cwd", cwd.buffer_info()[0])
        if init:
            table.set("status", pipes[STATUS][1])
            table.set("letter", self.null if letter < 0 else letter)
            table.set("letter flags", os.O_CLOEXEC if letter < 0 else 0)
            table.set("init", self.init)
        else:
            table.set("program 0", program.buffer_info()[0])
        handed = None if terminal is None else HandedOver(table, *terminal)
        coming = OnItsWay(table, changes=prepared.blueprint.captured, mounts=shape.held)
        pid = self._clone(table, prepared.blueprint, group)
        for _, writing in pipes.values():
            os.close(writing)
        failure = table.failure
        reading_ends = {stream: ends[0] for stream, ends in pipes.items()}
        line = None if handed is None else handed.line()
        runs = pid >= 0 and failure is None
        came = coming.descriptors(wanted=runs)
        if runs:
            return Child(pid, self.pidfd[0], reading_ends, line, group, **came)
        if line is not None:
            line.close()
        for descriptor in reading_ends.values():
            os.close(descriptor)
        refused = StepFailed(Step("clone3", (), "make the job's namespaces"), -pid)
        if failure is not None:
            os.waitpid(pid, 0)
            os.close(self.pidfd[0])
            refused = StepFailed(table.steps[failure.index], failure.errno)
        if group is not None:
            group.remove()
        raise refused

    def _clone(self, table: Table, blueprint: Blueprint, group: Group | None) -> int:
        """Clone, perform the script in the child; pid or ``-errno`` of clone3."""
        table.reset()
        clone_arguments = self.clone_arguments
        clone_arguments[0] = namespaces_of(blueprint) | k.CLONE_PIDFD | k.CLONE_CLEAR_SIGHAND
        if group is not None:
            clone_arguments[0] |= k.CLONE_INTO_CGROUP
            clone_arguments[10] = group.descriptor
        if GATE in table.parameters:
            return clone_and_let_in(table, clone_arguments, self.pidfd, self.proc, blueprint)
        if self.stub is None:
            return child.clone_and_perform(table, clone_arguments, self.numbers["clone3"])
        clone_arguments[0] |= k.CLONE_VM | k.CLONE_VFORK
        return self.stub(table.address, clone_arguments.buffer_info()[0], 88)

    def not_started(self, job: int, step: Step, errno: int) -> None:
        """Tell the engine that a job never ran."""
        send(self.control, [("not started", job, step.purpose, step.call, errno)])


def main(arguments: list[str]) -> int:
    """Make the slot's namespaces, fork the slot, wait for it."""
    descriptors, pids, network, filtered, groups, interpreter = arguments
    ignore_no_signal()
    end_first()
    facts = slot_facts()
    descriptor = become_one(facts, [int(one) for one in descriptors.split(",")], int(pids))
    if descriptor < 0:
        return 0
    control = out_of_the_way(descriptor)
    control.set_inheritable(False)
    own_network = network == "own"
    filtering = filter_steps(filter_for(facts.machine)) if filtered == "filtered" else []
    try:
        enter(facts, filtering, own_network=own_network, several=groups == "several")
    except StepFailed as failed:
        send(control, [("refused", failed.step.purpose, failed.step.call, failed.errno)])
        return 71
    pid = os.fork()
    if pid:
        control.close()
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF
    syscalls.call(syscalls.NUMBERS[facts.machine]["prctl"], k.PR_SET_PDEATHSIG, k.SIGKILL)
    slot = Slot(control, facts, own_network=own_network, interpreter=interpreter)
    # An engine that is gone needs no messages: perhaps this one was started early for nothing.
    with contextlib.suppress(OtherSideGone):
        send(control, [("ready", slot.degraded)])
        slot.serve()
    return 0


if __name__ == "__main__":
    # No clean-up on the way out: pid 1's end is the clean-up.
    os._exit(main(sys.argv[1:]))
