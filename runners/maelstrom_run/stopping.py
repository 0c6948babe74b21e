"""What ends the program before its jobs have ended: signals, and readers who have gone."""

import errno
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import trio

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopper:
    """Ends all jobs when it is told to; made within trio."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.signal = 0
        self.error: OSError | None = None
        self._token = trio.lowlevel.current_trio_token()

    @property
    def stopped(self) -> bool:
        """Whether it was told to."""
        return bool(self.signal or self.error)

    def stop(self, number: int) -> None:
        """End all jobs, and the program by a signal."""
        self.signal = self.signal or number
        self.scope.cancel()

    def cannot_write(self, error: OSError) -> None:
        """End all jobs, for nobody would see what comes of them."""
        if error.errno == errno.EPIPE:
            self.stop(signal.SIGPIPE)
        else:
            self.error = error
            self.scope.cancel()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Be told by signals, but for those that are ignored (``nohup``)."""
        before = {}

        def hear(number: int, _: FrameType | None) -> None:
            # In the middle of anything: what trio does about it waits for its turn.
            self.signal = self.signal or number
            self._token.run_sync_soon(self.scope.cancel)

        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, hear)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def die_of(number: int) -> None:
    """End this process by a signal, without a core of its own; return if that signal ends nothing."""
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # SIGKILL needs no permission to be deadly, and is refused one.
    with suppress(OSError, ValueError):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
