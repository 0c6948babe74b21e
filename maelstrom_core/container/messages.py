"""What engine and slot process say to each other, on the engine's side. Pure.

A slot process runs one job at a time. It is told `Prepare` once per container, then `Launch` for
each job; it answers with `Started`, any number of `Output`, and exactly one `Ended` or `NotStarted`
per launch. What ends at once needs no `Started`. `Lost` is what the engine's side says when the slot
process itself is gone.
"""

import attrs


@attrs.frozen
class Launch:
    """One job.

    :param job: the engine's number for it
    :param container: key of a container prepared before
    :param program: a path, or a name to be looked up in ``PATH``
    :param arguments: ``argv[1:]``
    :param environment: the whole of it
    :param working_directory: absolute
    :param output_bytes: how much of each stream is passed on before it is counted only;
        the first half of that and the last half
    :param report: whether descriptor 3 is open for a report
    :param stdin: bytes it may read
    :param terminal: rows and columns of a terminal that is its standard streams; ``None`` for none
    :param attachable: whether it has a link, over which it may ask for a terminal
    :param outputs: patterns of files that are told of when it has ended
    :param outputs_bytes: how large all of them may be
    """

    job: int
    container: str
    program: str
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    working_directory: str = "/"
    output_bytes: int = 1_000_000
    report: bool = False
    stdin: bytes = b""
    terminal: tuple[int, int] | None = None
    attachable: bool = False
    outputs: tuple[str, ...] = ()
    outputs_bytes: int = 0


@attrs.frozen
class Started:
    """The program runs."""

    job: int


@attrs.frozen
class Output:
    """Bytes of one of its streams, as they come.

    :param stream: 1 for stdout, 2 for stderr, 3 for the report
    """

    job: int
    stream: int
    data: bytes


@attrs.frozen
class Left:
    """A file that it left, told of before its end.

    :param path: in its container, or one of its patterns
    :param why: why the file is not here; empty if it is
    """

    job: int
    path: str
    mode: int
    data: bytes
    why: str


@attrs.frozen
class Changed:
    """What it has written to its root, told before its end.

    :param descriptor: of the directory; whoever takes it closes it
    """

    job: int
    descriptor: int


@attrs.frozen
class Ended:
    """All of its processes are gone and all of its output has been passed on.

    :param status: wait status of the program, as ``os.waitpid`` gives it
    :param wall_seconds: from launch to end
    :param user_seconds: CPU time in user mode
    :param system_seconds: CPU time in the kernel
    :param peak_memory_bytes: largest resident set of one process
    :param written: bytes written to stdout and stderr in all, passed on or not
    :param degraded: what could not be given
    :param seen: what its processes were doing when its time was up, if it was
    :param hits: limits that it has run into (`maelstrom_core.container.limits_plan.Hit`), packed; first
        the one that has ended it, if one has
    :param left_running: how many processes were there when the program had ended, and still a moment
        later
    :param left_lines: command lines of a few of these, as the init has said them
    """

    job: int
    status: int
    wall_seconds: float
    user_seconds: float
    system_seconds: float
    peak_memory_bytes: int
    written: tuple[int, int] = (0, 0)
    degraded: tuple[str, ...] = ()
    seen: str = ""
    hits: tuple[tuple[str, float, str, str, bool, bool], ...] = ()
    left_running: int = 0
    left_lines: bytes = b""


@attrs.frozen
class NotStarted:
    """A step before the program failed; nothing of the job is left.

    :param purpose: what was being done, in words
    :param call: name of the system call
    :param errno: its error number
    :param whose: ``job`` (missing program, directory or mount source), ``host`` or ``us``
    :param cause: likely cause, one sentence
    :param remedy: what to do next
    """

    job: int
    purpose: str
    call: str
    errno: int
    whose: str = "host"
    cause: str = ""
    remedy: str = ""


@attrs.frozen
class Lost:
    """The slot process is gone, and its job with it; the slot makes itself a new one.

    :param job: the job it ran, if any
    """

    job: int | None
    reason: str


@attrs.frozen
class Attach:
    """Let a job have the terminal that it asks for.

    :param rows: of the client's terminal; 0 if it has none: a pair of sockets stands for it then
    """

    job: int
    rows: int
    columns: int


@attrs.frozen
class Type:
    """Something was typed at a job's terminal.

    :param data: nothing stands for the end of the input
    """

    job: int
    data: bytes


@attrs.frozen
class Resize:
    """The window of a job's terminal has another size."""

    job: int
    rows: int
    columns: int


@attrs.frozen
class Refuse:
    """Nobody is there to attach to a job that has asked for it."""

    job: int


TerminalCommand = Attach | Type | Resize | Refuse
"""What a job's terminal may be told."""


def packed_command(command: TerminalCommand) -> tuple[object, ...]:
    """As it travels to a slot process."""
    match command:
        case Attach(job, rows, columns):
            return ("attach", job, rows, columns)
        case Type(job, data):
            return ("type", job, data)
        case Resize(job, rows, columns):
            return ("resize", job, rows, columns)
        case Refuse(job):
            return ("refuse", job)


@attrs.frozen
class Fork:
    """One job that is a fork of a template.

    :param job: the engine's number for it, from 1
    :param request: what it reads from its standard input
    :param output_bytes: as in `Launch`
    """

    job: int
    request: bytes
    output_bytes: int = 1_000_000


@attrs.frozen
class Warm:
    """A template is ready to be forked.

    :param unfit: why it must not be, one line each; empty if it may
    :param memory_bytes: what it takes
    """

    unfit: tuple[str, ...] = ()
    memory_bytes: int = 0


@attrs.frozen
class Measured:
    """What a template takes of memory now, when that has changed.

    :param memory_bytes: of itself and the forks made ahead, what they share counted once
    """

    memory_bytes: int


@attrs.frozen
class Unfit:
    """A job was to be a fork of a template that cannot be forked any more; it has not run.

    :param why: one line each
    """

    job: int
    why: tuple[str, ...]


@attrs.frozen
class Shown:
    """What a job has written to its terminal."""

    job: int
    data: bytes


@attrs.frozen
class Said:
    """What a job has said over its link.

    :param what: ``asks`` for a terminal, ``wants line`` of input where there is none, ``leaves`` it
        alone for now, or ``stays``: it has done what it was to do, and stays to be looked at
    :param status: exit status of a program that has used it; -1 for none
    """

    job: int
    what: str
    status: int = -1


SlotMessage = Started | Output | Left | Changed | Ended | NotStarted | Lost | Shown | Said
TemplateMessage = SlotMessage | Warm | Measured | Unfit
"""Of these, what names job 0 is about the template itself."""


@attrs.frozen
class Prepare:
    """A container that later launches refer to.

    :param key: name of the container
    :param spec: the container as plain data, layers replaced by directories of this host
    """

    key: str
    spec: dict[str, object] = attrs.field(factory=dict)
