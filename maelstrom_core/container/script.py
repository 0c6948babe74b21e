"""A script of system calls as data: written by plans, compiled once, run by either interpreter.

A step is one system call with its arguments, its purpose in words, and what becomes of its result.
Compiling lays all steps out as a table of machine words that both interpreters walk: the Python
one in `child`, and the machine code in `stub`, which needs no Python in the child at all. What
differs from job to job is a named parameter, whose places in the table are patched. Standard
library only: slot processes load this module.

Layout of the context (8-byte words): failing index or -1, its errno, number of records, address of
the records. Layout of a record (10 words): number, six arguments, address for the result or 0,
flags (bit *i*: argument *i* is an address from which the value is loaded; bit 8: failure is
allowed), 0.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

RECORD_WORDS = 10
MAY_FAIL = 0x100
WORD_MASK = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True)
class Result:
    """The result of an earlier step, by the name that it was saved under."""

    name: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A word that is known only when a job is: a descriptor, the address of its arguments."""

    name: str


@dataclass(frozen=True, slots=True)
class Program:
    """A ``struct sock_fprog``: its length and a pointer to its instructions of 8 bytes each."""

    instructions: bytes


Argument = int | str | bytes | Result | Parameter | Program
"""Texts and bytes become addresses of NUL-terminated copies."""


@dataclass(frozen=True, slots=True)
class Step:
    """One system call.

    :param call: its name (``mount``)
    :param arguments: up to six
    :param purpose: what it is for, in words that finish "could not …"
    :param saves: name under which later steps find its result
    :param may_fail: go on whatever it returns
    """

    call: str
    arguments: tuple[Argument, ...]
    purpose: str
    saves: str = ""
    may_fail: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a script did not reach its end.

    :param index: which step
    :param errno: its error number; 0 if the script ended without starting a program
    """

    index: int
    errno: int


class Table:
    """A compiled script; its memory must not move while a child uses it."""

    def __init__(self, steps: Sequence[Step], numbers: Mapping[str, int]) -> None:
        """Compile.

        :param numbers: system call numbers of this machine by name
        :raises KeyError: for a call that has no number, or a result that no earlier step saves
        """
        self.steps = tuple(steps)
        self._kept: list[array[int]] = []
        self._addresses: dict[bytes, int] = {}
        names = [step.saves for step in steps if step.saves]
        self.results = array("q", [0] * max(len(names), 1))
        self._places = {name: index for index, name in enumerate(names)}
        self.parameters: dict[str, list[int]] = {}
        self.records = array("Q", bytes(8 * RECORD_WORDS * len(self.steps)))
        saved: set[str] = set()
        for index, step in enumerate(self.steps):
            self._lay_out(index * RECORD_WORDS, step, numbers, saved)
            saved.add(step.saves)
        self.context = array("q", [-1, 0, len(self.steps), self.records.buffer_info()[0]])

    def _lay_out(self, at: int, step: Step, numbers: Mapping[str, int], saved: set[str]) -> None:
        records, flags = self.records, MAY_FAIL if step.may_fail else 0
        records[at] = numbers[step.call]
        for position, argument in enumerate(step.arguments):
            word = at + 1 + position
            match argument:
                case int():
                    records[word] = argument & WORD_MASK
                case str():
                    records[word] = self.address_of_text(argument.encode())
                case bytes():
                    records[word] = self.address_of_text(argument)
                case Result(name):
                    if name not in saved:
                        raise KeyError(f"{step.purpose}: no earlier step saves {name!r}")
                    records[word] = self._address_of_result(name)
                    flags |= 1 << position
                case Parameter(name):
                    self.parameters.setdefault(name, []).append(word)
                case Program(instructions):
                    records[word] = self._address_of_program(instructions)
        records[at + 7] = self._address_of_result(step.saves) if step.saves else 0
        records[at + 8] = flags

    def _address_of_result(self, name: str) -> int:
        return self.results.buffer_info()[0] + 8 * self._places[name]

    def address_of_text(self, text: bytes) -> int:
        """Address of a NUL-terminated copy that lives as long as the table."""
        if text not in self._addresses:
            copy = array("B", text + b"\0")
            self._kept.append(copy)
            self._addresses[text] = copy.buffer_info()[0]
        return self._addresses[text]

    def _address_of_program(self, instructions: bytes) -> int:
        code = array("B", instructions)
        header = array("Q", [len(instructions) // 8, code.buffer_info()[0]])
        self._kept += [code, header]
        return header.buffer_info()[0]

    def set(self, name: str, value: int) -> None:
        """Give a parameter its value; one that no step uses is ignored."""
        for word in self.parameters.get(name, ()):
            self.records[word] = value & WORD_MASK

    def reset(self) -> None:
        """Forget the failure of the run before."""
        self.context[0], self.context[1] = -1, 0

    @property
    def failure(self) -> Failure | None:
        """What failed in the last run that shared this memory."""
        index = self.context[0]
        return None if index < 0 else Failure(index, self.context[1])


class Strings:
    """A NULL-terminated array of pointers to NUL-terminated texts: ``argv`` or ``envp``."""

    def __init__(self, texts: Iterable[bytes]) -> None:
        """Lay the texts out in one block of memory."""
        texts = list(texts)
        self._block = array("B", b"\0".join([*texts, b""]))
        at, pointers = self._block.buffer_info()[0], []
        for text in texts:
            pointers.append(at)
            at += len(text) + 1
        self._pointers = array("Q", [*pointers, 0])

    @property
    def address(self) -> int:
        """Address of the array; valid as long as this object lives."""
        return self._pointers.buffer_info()[0]
