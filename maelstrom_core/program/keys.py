"""Keys that are pressed while a program shows what it does, without Enter and without an echo.

The terminal is put back when the program ends, and while it is stopped (Ctrl-Z). Ctrl-C is a signal as
ever. A program in the background has no keyboard, and leaves the terminal alone.
"""

import os
import signal
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio

_LFLAG, _CC = 3, 6


class Keyboard:
    """One terminal, in the mode in which keys come at once.

    :param descriptor: of the terminal
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._before: list[Any] | None = None

    def take(self) -> None:
        """Have keys come at once, if this program is in the foreground."""
        if not self.is_ours():
            return
        mode = termios.tcgetattr(self._descriptor)
        if self._before is None:
            self._before = [*mode[:_CC], list(mode[_CC])]
        mode[_LFLAG] &= ~(termios.ICANON | termios.ECHO)
        mode[_CC][termios.VMIN], mode[_CC][termios.VTIME] = 1, 0
        termios.tcsetattr(self._descriptor, termios.TCSANOW, mode)

    def give_back(self) -> None:
        """As it was before."""
        if self._before is not None and self.is_ours():
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._before)

    def is_ours(self) -> bool:
        """Whether this program is in the foreground of its terminal, and the terminal this one."""
        try:
            return os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:
            return False  # it is not what controls this process, or it is gone

    async def read(self, pressed: Callable[[str], None]) -> None:
        """Tell of each key, until the terminal is gone."""
        while True:
            await trio.lowlevel.wait_readable(self._descriptor)
            if not self.is_ours():
                await trio.sleep(0.5)  # to read now would stop this program
                continue
            try:
                typed = os.read(self._descriptor, 64)
            except OSError:
                return
            if not typed:
                return
            # A key that sends several bytes (an arrow) is none of ours.
            text = typed.decode("ascii", "replace")
            if "\x1b" not in text:
                for key in text:
                    pressed(key)

    async def mind_stops(self) -> None:
        """Put the terminal back before this program is stopped, and take it again afterwards."""
        with trio.open_signal_receiver(signal.SIGTSTP, signal.SIGCONT) as signals:
            async for number in signals:
                if number == signal.SIGTSTP:
                    self.give_back()
                    os.kill(os.getpid(), signal.SIGSTOP)
                else:
                    self.take()


@asynccontextmanager
async def hearing_keys(pressed: Callable[[str], None]) -> AsyncIterator[bool]:
    """Hear keys for as long as the context lasts.

    :param pressed: told each key
    :return: whether there is a keyboard
    """
    keyboard = Keyboard(0)
    if not keyboard.is_ours():
        yield False
        return
    try:
        async with trio.open_nursery() as nursery:
            keyboard.take()
            nursery.start_soon(partial(keyboard.read, pressed))
            nursery.start_soon(keyboard.mind_stops)
            yield True
            nursery.cancel_scope.cancel()
    finally:
        keyboard.give_back()
