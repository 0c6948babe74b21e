"""A script of system calls as data: written by plans, compiled once, run by either interpreter.

A step is one system call with its arguments, its purpose in words, and what becomes of its result.
Compiling lays all steps out as a table of machine words that both interpreters walk: the Python
one in `child`, and the machine code in `stub`, which needs no Python in the child at all. What
differs from job to job is a named parameter, whose places in the table are patched. Standard
library only: slot processes load this module.

Layout of the context (8-byte words): failing index or -1, its errno, number of records, address of
the records. Layout of a record (10 words): number, six arguments, address for the result or 0,
flags (bit *i*: argument *i* is an address from which the value is loaded; bit 8: failure is
allowed; bit 9: a clone whose child returns from the interpreter), 0. Behind the records: the
results, then texts and whatever else the arguments point at. All of it is one block of memory that
can be laid out in one process and used in another: `Layout` says which words are addresses.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

CONTEXT_WORDS, RECORD_WORDS = 4, 10
MAY_FAIL, RETURNS = 0x100, 0x200
WORD_MASK = 0xFFFF_FFFF_FFFF_FFFF
_NO_FAILURE = WORD_MASK
_CONTROL_WORDS, _CONTROL_LENGTH, _SOL_SOCKET, _SCM_RIGHTS = 2, 20, 1, 1
"""A ``struct cmsghdr`` takes two words; its length counts the descriptor of four bytes behind it."""


class _Named:
    """Something with a name. No dataclass: slot processes load those ten times as slowly."""

    __slots__ = ("name",)
    __match_args__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.name == self.name

    def __hash__(self) -> int:
        return hash((type(self), self.name))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class Result(_Named):
    """The result of an earlier step, by the name that it was saved under."""

    __slots__ = ()


class Parameter(_Named):
    """A word that is known only when a job is: a descriptor, the address of its arguments."""

    __slots__ = ()


class Rights(_Named):
    """A ``struct msghdr`` of one byte that takes a descriptor along: an earlier step's result."""

    __slots__ = ()


class Program(NamedTuple):
    """A ``struct sock_fprog``: its length and a pointer to its instructions of 8 bytes each."""

    instructions: bytes


class Texts(NamedTuple):
    """A NULL-terminated array of pointers to texts: an ``argv`` or ``envp`` that never changes."""

    texts: tuple[bytes, ...]


Argument = int | str | bytes | Result | Parameter | Program | Texts | Rights
"""Texts and bytes become addresses of NUL-terminated copies."""


class Step(NamedTuple):
    """One system call.

    :param call: its name (``mount``)
    :param arguments: up to six
    :param purpose: what it is for, in words that finish "could not …"
    :param saves: name under which later steps find its result
    :param may_fail: go on whatever it returns
    :param returns: it clones, and the child returns from the interpreter instead of going on
    """

    call: str
    arguments: tuple[Argument, ...]
    purpose: str
    saves: str = ""
    may_fail: bool = False
    returns: bool = False


class Failure:
    """Why a script did not reach its end.

    :param index: which step
    :param errno: its error number; 0 if the script ended without starting a program
    """

    __slots__ = ("errno", "index")

    def __init__(self, index: int, errno: int) -> None:
        self.index = index
        self.errno = errno

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Failure):
            return NotImplemented
        return (self.index, self.errno) == (other.index, other.errno)

    def __hash__(self) -> int:
        return hash((self.index, self.errno))

    def __repr__(self) -> str:
        return f"Failure({self.index}, {self.errno})"


class Layout:
    """A compiled script that lies nowhere yet.

    :param words: the block; what is an address in it counts from the block's beginning
    """

    def __init__(self, words: "array[int]") -> None:
        self.words = words
        self.relocations: list[int] = []
        """Which words are addresses."""
        self.parameters: dict[str, list[int]] = {}
        """Which words stand for a parameter, by its name."""


class _Compiler:
    """Lays a script out."""

    def __init__(self, steps: Sequence[Step], numbers: Mapping[str, int]) -> None:
        self.numbers = numbers
        arguments = (argument for step in steps for argument in step.arguments)
        sent = {argument.name for argument in arguments if isinstance(argument, Rights)}
        self.results: dict[str, int] = {}
        size = CONTEXT_WORDS + RECORD_WORDS * len(steps)
        for name in (step.saves for step in steps if step.saves):
            # A result that is sent lies where a control message has its descriptor.
            size += _CONTROL_WORDS if name in sent else 0
            self.results[name] = size
            size += 1
        self.layout = Layout(array("Q", bytes(8 * size)))
        self.words = self.layout.words
        for name in sent & self.results.keys():
            at = self.results[name] - _CONTROL_WORDS
            self.words[at], self.words[at + 1] = _CONTROL_LENGTH, _SOL_SOCKET | _SCM_RIGHTS << 32
        self.words[0], self.words[2] = _NO_FAILURE, len(steps)
        self._point(3, CONTEXT_WORDS)
        self._texts: dict[bytes, int] = {}
        saved: set[str] = set()
        for index, step in enumerate(steps):
            self._lay_out(CONTEXT_WORDS + index * RECORD_WORDS, step, saved)
            saved.add(step.saves)

    def _lay_out(self, at: int, step: Step, saved: set[str]) -> None:
        flags = MAY_FAIL if step.may_fail else 0
        flags |= RETURNS if step.returns else 0
        self.words[at] = self.numbers[step.call]
        for position, argument in enumerate(step.arguments):
            word = at + 1 + position
            match argument:
                case int():
                    self.words[word] = argument & WORD_MASK
                case str():
                    self._point(word, self._text(argument.encode()))
                case bytes():
                    self._point(word, self._text(argument))
                case Result(name):
                    if name not in saved:
                        raise KeyError(f"{step.purpose}: no earlier step saves {name!r}")
                    self._point(word, self.results[name])
                    flags |= 1 << position
                case Parameter(name):
                    self.layout.parameters.setdefault(name, []).append(word)
                case Program(instructions):
                    code = self._append(instructions)
                    header = self._append(bytes(16))
                    self.words[header] = len(instructions) // 8
                    self._point(header + 1, code)
                    self._point(word, header)
                case Rights(name):
                    if name not in saved:
                        raise KeyError(f"{step.purpose}: no earlier step saves {name!r}")
                    self._point(word, self._message(self.results[name] - _CONTROL_WORDS))
                case Texts(texts):
                    places = [self._text(text) for text in texts]
                    pointers = self._append(bytes(8 * (len(texts) + 1)))
                    for index, place in enumerate(places):
                        self._point(pointers + index, place)
                    self._point(word, pointers)
        if step.saves:
            self._point(at + 7, self.results[step.saves])
        self.words[at + 8] = flags

    def _message(self, control: int) -> int:
        """First word of a ``struct msghdr``: one byte, and a control message that lies there."""
        vector, header = self._append(bytes(16)), self._append(bytes(56))
        self._point(vector, self._append(b"t"))
        self.words[vector + 1] = 1
        self._point(header + 2, vector)
        self.words[header + 3] = 1
        self._point(header + 4, control)
        self.words[header + 5] = 8 * (_CONTROL_WORDS + 1)
        return header

    def _point(self, word: int, target: int) -> None:
        """Let a word be the address of another one."""
        self.words[word] = 8 * target
        self.layout.relocations.append(word)

    def _text(self, text: bytes) -> int:
        """First word of a NUL-terminated copy."""
        if text not in self._texts:
            self._texts[text] = self._append(text + b"\0")
        return self._texts[text]

    def _append(self, data: bytes) -> int:
        at = len(self.words)
        self.words.frombytes(data.ljust(-(-len(data) // 8) * 8, b"\0"))
        return at


def laid_out(steps: Sequence[Step], numbers: Mapping[str, int]) -> Layout:
    """Compile.

    :param numbers: system call numbers of the machine that it is for, by name
    :raises KeyError: for a call that has no number, or a result that no earlier step saves
    """
    return _Compiler(steps, numbers).layout


class Table:
    """A compiled script in the memory of this process, which must not move while a child uses it."""

    def __init__(self, steps: Sequence[Step], numbers: Mapping[str, int]) -> None:
        """Compile.

        :raises KeyError: as `laid_out`
        """
        self.steps = tuple(steps)
        layout = laid_out(steps, numbers)
        self.memory = layout.words
        self.parameters = layout.parameters
        self.address = self.memory.buffer_info()[0]
        for word in layout.relocations:
            self.memory[word] += self.address

    def set(self, name: str, value: int) -> None:
        """Give a parameter its value; one that no step uses is ignored."""
        for word in self.parameters.get(name, ()):
            self.memory[word] = value & WORD_MASK

    def reset(self) -> None:
        """Forget the failure of the run before."""
        self.fail(None)

    def fail(self, failure: Failure | None) -> None:
        """Note how the run ended."""
        self.memory[0] = _NO_FAILURE if failure is None else failure.index
        self.memory[1] = 0 if failure is None else failure.errno

    @property
    def failure(self) -> Failure | None:
        """What failed in the last run that shared this memory."""
        index = self.memory[0]
        return None if index == _NO_FAILURE else Failure(index, self.memory[1])


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
