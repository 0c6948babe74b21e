"""A job: one program run once in a container of its own. Pure."""

import attrs

from maelstrom_core.model.container import ContainerSpec

DEFAULT_OUTPUT_BYTES = 1_000_000
DEFAULT_OUTPUTS_BYTES = 16 << 20
MOST_REPORT_BYTES = 64 << 20
"""Of one part of a report; what goes past it is not kept."""
NEXT_PART = b"\x1e"
"""ASCII's record separator: written to its report, it begins the next part of a job. No text as JSON
holds one."""


@attrs.frozen
class TerminalSize:
    """How large the window of a terminal is; neither is 0."""

    rows: int
    columns: int


@attrs.frozen(kw_only=True)
class JobSpec:
    """What to run; small, for there may be a hundred thousand of them on one container.

    :param container: shared by many jobs; the same object for all of them is cheapest
    :param program: a path, or a name looked up in the container's ``PATH``
    :param arguments: what follows the program's name in ``argv``
    :param environment: added to the container's, covering it
    :param working_directory: empty means the container's
    :param timeout: seconds from start until it is to end; ``None`` means no limit
    :param later_timeouts: of a job in parts, limits of those after the first; each part begins, and the
        clock anew, when the job writes `NEXT_PART` to its report
    :param stack_signal: number of a signal that makes the program write down where it is, sent when
        its time is up, a moment before TERM; 0 for none
    :param grace: seconds between TERM and KILL
    :param priority: higher runs first
    :param expected_duration: seconds, if known; longer ones run first, unknown ones before all
    :param slots: how many slots it takes
    :param output_bytes: how much of each of stdout and stderr is kept in memory and reported;
        past twice that, head and tail are kept
    :param keep_output: otherwise all of stdout and stderr is passed on as it comes, however much it is,
        and nothing of it is kept
    :param report: open descriptor 3 for the program to write a report to, apart from its output; of a
        job in parts, the result has the report of the last part that was begun
    :param stdin: bytes that it may read; nothing by default
    :param fork: be a fork of the container's template, which reads this on its standard input,
        instead of a program started afresh; where the template says that it cannot be forked
        safely, the program is started after all, and the result says why
    :param warm_up: run nothing, but end when the container's template is ready; the result has
        what the template has written and reported until then
    :param terminal: size of a terminal that it begins on, which is the container's own and its
        session's: all that it prints, and nothing of it is kept; whoever runs the job views it
    :param attachable: it may ask for a terminal while it runs, as a debugger does
        (``docs/terminals.md``); a fork may in any case
    :param viewed: somebody is there who can be at its terminal, on another machine than it; set by
        whoever sends it there
    :param outputs: patterns of files that are brought back when the program has ended, relative to
        its working directory or absolute; ``*``, ``?``, ``[…]``, ``**`` for any directories
    :param outputs_bytes: how large all of them together may be
    :param label: what people call it
    :param fault: why it cannot be run, as was found out before; it ends at once then, as one whose
        inputs cannot be made ready
    """

    container: ContainerSpec
    program: str
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    working_directory: str = ""
    timeout: float | None = None
    later_timeouts: tuple[float | None, ...] = ()
    stack_signal: int = 0
    grace: float = 2.0
    priority: int = 0
    expected_duration: float | None = None
    slots: int = 1
    output_bytes: int = DEFAULT_OUTPUT_BYTES
    keep_output: bool = True
    report: bool = False
    stdin: bytes = b""
    fork: bytes | None = None
    warm_up: bool = False
    terminal: TerminalSize | None = None
    attachable: bool = False
    outputs: tuple[str, ...] = ()
    outputs_bytes: int = DEFAULT_OUTPUTS_BYTES
    label: str = ""
    fault: str = ""
    viewed: bool = False

    @property
    def in_order(self) -> bool:
        """Whether each byte that it writes must come, once and in order: no result has all of it."""
        return bool(self.later_timeouts) or not self.keep_output
