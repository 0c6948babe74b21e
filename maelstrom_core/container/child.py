"""The Python interpreter of scripts: a loop over system calls. Standard library only.

It runs where it is called: in the slot process itself, or in a child made by a raw clone3. The
machine code in `stub` does the same without Python in the child.
"""

import os
from array import array
from collections.abc import Callable

from maelstrom_core.container import syscalls
from maelstrom_core.container.script import (
    CONTEXT_WORDS,
    MAY_FAIL,
    RECORD_WORDS,
    WORD_MASK,
    Failure,
    Step,
    Table,
)

_ARGUMENT_BITS = 0x3F
_HIGHEST_ERRNO = 4095


class StepFailed(Exception):
    """A step of the slot's own failed.

    :param step: which
    :param errno: why
    """

    def __init__(self, step: Step, errno: int) -> None:
        super().__init__(f"{step.purpose}: {step.call}: {os.strerror(errno)}")
        self.step = step
        self.errno = errno


def perform(table: Table) -> Failure | None:
    """Make the calls of a script in this process, until one fails that may not.

    :return: what failed, or ``None`` at the end of the script
    """
    memory, base = table.memory, table.address
    for index in range(len(table.steps)):
        at = CONTEXT_WORDS + index * RECORD_WORDS
        number, *arguments = memory[at : at + 7]
        result_address, flags = memory[at + 7], memory[at + 8]
        if flags & _ARGUMENT_BITS:
            for position in range(6):
                if flags >> position & 1:
                    arguments[position] = memory[(arguments[position] - base) // 8]
        result = syscalls.call(number, *arguments)
        if -_HIGHEST_ERRNO <= result < 0 and not flags & MAY_FAIL:
            return Failure(index, -result)
        if result_address:
            memory[(result_address - base) // 8] = result & WORD_MASK
    return None


def perform_steps(steps: list[Step], numbers: dict[str, int], **parameters: int) -> None:
    """Perform a script in this process.

    :raises StepFailed: with the step that failed
    """
    table = Table(steps, numbers)
    for name, value in parameters.items():
        table.set(name, value)
    failure = perform(table)
    if failure is not None:
        raise StepFailed(table.steps[failure.index], failure.errno)


def clone_and_perform(
    table: Table,
    clone_arguments: "array[int]",
    clone3: int,
    meanwhile: Callable[[], None] | None = None,
) -> int:
    """Clone, and perform the script in the child; what fails there is known on return.

    The child has its own copy of memory, so it reports through a pipe that a successful exec
    closes.

    :param clone_arguments: ``struct clone_args`` without CLONE_VM and CLONE_VFORK
    :param clone3: number of the system call
    :param meanwhile: called here once there is a child, while that performs
    :return: the child's pid, or ``-errno`` of clone3; see ``table.failure`` for the script
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    size = len(clone_arguments) * clone_arguments.itemsize
    pid = syscalls.call(clone3, clone_arguments.buffer_info()[0], size)
    if pid == 0:
        failure = perform(table) or Failure(len(table.steps), 0)
        os.write(writing, array("q", [failure.index, failure.errno]).tobytes())
        os._exit(127)
    os.close(writing)
    if pid > 0 and meanwhile is not None:
        meanwhile()
    answer = os.read(reading, 16)
    os.close(reading)
    if len(answer) == 16:
        table.fail(Failure(*array("q", answer)))
    return pid
