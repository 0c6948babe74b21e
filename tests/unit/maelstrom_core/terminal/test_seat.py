"""The user's terminal, a real one, attached to a job that is none."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from typing import Any

import pytest
import trio
import trio.testing

from maelstrom_core.model.job import TerminalSize
from maelstrom_core.terminal.seat import Seat
from maelstrom_core.terminal.users import UsersTerminal


class Keys:
    """A job's keyboard; says when something has come."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self._come = trio.Event()

    def _tell(self, *what: Any) -> None:
        self.told.append(what)
        self._come.set()

    async def come(self, number: int) -> list[Any]:
        """The first so many things that came."""
        with trio.fail_after(10):
            while len(self.told) < number:
                self._come = trio.Event()
                await self._come.wait()
        return self.told[:number]

    def attach(self, size: TerminalSize | None) -> None:
        self._tell("attach", size)

    def type(self, data: bytes) -> None:
        self._tell("type", data)

    def resize(self, size: TerminalSize) -> None:
        self._tell("resize", size)

    async def room(self) -> None: ...

    def refuse(self) -> None: ...

    def end(self) -> None: ...


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """In a background job of a shell SIGINT is ignored, and stays so in what that starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal: the user's, and ours."""
    user, ours = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("<4H", 30, 100, 0, 0))
    yield user, ours
    os.close(user)
    os.close(ours)


def test_keys_sizes_and_what_is_shown_are_passed_on(ends):
    user, ours = ends
    before, keys = termios.tcgetattr(ours), Keys()
    seat = Seat(UsersTerminal(ours, ours))
    seat.sits_down(keys)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(attend)
            assert await keys.come(1) == [("attach", TerminalSize(30, 100))]
            assert not termios.tcgetattr(ours)[3] & (termios.ICANON | termios.ISIG)
            os.write(user, b"a\x03")
            await keys.come(2)
            seat.shows(b"what is shown\n")
            assert os.read(user, 100) == b"what is shown\n"
            fcntl.ioctl(user, termios.TIOCSWINSZ, struct.pack("<4H", 41, 120, 0, 0))
            os.kill(os.getpid(), signal.SIGWINCH)
            told = await keys.come(3)
            assert told[1:] == [("type", b"a\x03"), ("resize", TerminalSize(41, 120))]
            seat.leaves(5)

    async def attend() -> None:
        assert await seat.attend() == 5

    trio.run(main)
    assert termios.tcgetattr(ours) == before
    seat.shows(b"nobody sees this")
    assert not _is_readable(user)


def test_the_escape_character_leads_back_and_the_terminal_is_restored(ends):
    user, ours = ends
    before, keys = termios.tcgetattr(ours), Keys()
    seat = Seat(UsersTerminal(ours, ours))
    seat.sits_down(keys)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(seat.attend)
            await keys.come(1)
            os.write(user, b"\x1d\x03")

    with pytest.raises(BaseException) as raised:
        trio.run(main)
    error = raised.value
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, KeyboardInterrupt)
    assert termios.tcgetattr(ours) == before


def test_an_error_restores_the_terminal(ends):
    _, ours = ends
    before = termios.tcgetattr(ours)
    with pytest.raises(ZeroDivisionError), UsersTerminal(ours, ours).raw():
        assert termios.tcgetattr(ours) != before
        raise ZeroDivisionError
    assert termios.tcgetattr(ours) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_ends_the_process_restores_the_terminal(ends, number):
    _, ours = ends
    before = termios.tcgetattr(ours)
    code = """
import sys, time
from maelstrom_core.terminal.users import UsersTerminal
with UsersTerminal(0, 0).raw():
    print("raw", flush=True)
    time.sleep(100)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=ours,
        stdout=subprocess.PIPE,
        # Whoever runs these tests in the background may have it ignored.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    assert process.stdout is not None and process.stdout.readline() == b"raw\n"
    assert termios.tcgetattr(ours) != before
    process.send_signal(number)
    assert process.wait(10) == -number
    process.stdout.close()
    assert termios.tcgetattr(ours) == before


@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_where_there_is_no_terminal_lines_are_taken_one_by_one(tmp_path, kind):
    if kind == "pipe":
        reading, writing = os.pipe()
        os.write(writing, b"one\ntwo\nthree")
        os.close(writing)
    else:
        (tmp_path / "typed").write_bytes(b"one\ntwo\nthree")
        reading = os.open(tmp_path / "typed", os.O_RDONLY)
    terminal = UsersTerminal(reading, reading)
    taken = []

    async def main() -> None:
        for lines in (1, 2):
            # The second job finds what the first one has left.
            keys, seat = Keys(), Seat(terminal)
            seat.sits_down(keys)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(seat.attend)
                await keys.come(1)
                for number in range(lines):
                    seat.wants_line()
                    await keys.come(2 + number)
                await trio.testing.wait_all_tasks_blocked()
                seat.is_gone()
            taken.append(keys.told)

    trio.run(main)
    os.close(reading)
    assert taken == [
        [("attach", None), ("type", b"one\n")],
        [("attach", None), ("type", b"two\n"), ("type", b"three"), ("type", b"")],
    ]


def _is_readable(descriptor: int) -> bool:
    os.set_blocking(descriptor, False)
    try:
        return bool(os.read(descriptor, 1))
    except BlockingIOError:
        return False


def test_a_slow_terminal_keeps_nobody_else_waiting(ends):
    """More is shown than it has room for: whoever shows it waits, the rest goes on."""
    user, ours = ends
    keys, seat = Keys(), Seat(UsersTerminal(ours, ours))
    seat.sits_down(keys)
    data = b"0123456789abcdef" * 20_000
    shown = bytearray()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(seat.attend)
            await keys.come(1)
            seat.shows(data)
            nursery.start_soon(seat.room)
            os.write(user, b"a")
            assert (await keys.come(2))[1] == ("type", b"a"), "keys are passed on meanwhile"
            while len(shown) < len(data):
                await trio.lowlevel.wait_readable(user)
                shown.extend(os.read(user, 4096))
            await seat.room()
            seat.leaves()

    trio.run(main)
    assert shown == data
