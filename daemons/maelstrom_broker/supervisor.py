"""A small parent process: starts the broker, and starts it again when it dies.

A holder of a valid key can end a broker through a fault of libzmq, and the kernel may when memory is
short. What a broker knows it is told again by clients and workers, if only it is there: at the same
address, at once. This process does nothing else, so that nothing ends it; the broker ends with it,
for it holds one end of a pipe to it.
"""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from maelstrom_broker.restarts_plan import INTERNAL_FAULT, Ended, restart
from maelstrom_core.errors import HostError, MaelstromError

Serve = Callable[[int, int, Callable[[str], None], bool], None]
"""Serves at a port until it is told to stop: the port, the parent's pipe, whom to tell the address, and
whether another one has died before."""


class Supervisor:
    """Runs a broker in a child process.

    :param announce: told the addresses, the first time
    """

    def __init__(self, serve: Serve, port: int, announce: Callable[[str], None]) -> None:
        self._serve = serve
        self._port = port
        self._announce = announce
        self._child = 0
        self._was_ready = False
        self._stopping = False

    def run(self) -> int:
        """Until it is told to stop, or the broker ends of its own accord; its exit status."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        quick_deaths, again = 0, False
        while True:
            ended = self._once(again)
            if self._stopping:
                return ended.code  # told twice, it may have died of the second signal
            plan = restart(ended, quick_deaths)
            if plan is None:
                return ended.code
            how = f"died of {_name(ended.signal)}" if ended.signal else f"ended with {ended.code}"
            print(f"maelstrom-broker: it {how}, and is started again", file=sys.stderr, flush=True)
            quick_deaths, again = plan.quick_deaths, True
            self._pause(plan.after_seconds)
            if self._stopping:
                return 0

    def _once(self, again: bool) -> Ended:
        """One life of the broker."""
        began = time.monotonic()
        parent_end, our_end = os.pipe()
        told, telling = os.pipe()
        self._child = os.fork()
        if not self._child:
            os.close(our_end)
            os.close(told)
            self._be_the_child(parent_end, telling, again)
        os.close(parent_end)
        os.close(telling)
        try:
            if self._stopping:  # told so between two lives
                self._stop(signal.SIGTERM, None)
            self._hear_address(told)
            _, status = os.waitpid(self._child, 0)
        finally:
            os.close(told)
            os.close(our_end)
            self._child = 0
        died_of = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        code = 0 if died_of else os.WEXITSTATUS(status)
        return Ended(died_of, code, time.monotonic() - began, self._was_ready)

    def _be_the_child(self, parent: int, telling: int, again: bool) -> NoReturn:
        code = INTERNAL_FAULT
        try:
            # Ctrl-C is for the parent, which passes it on.
            os.setpgid(0, 0)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)

            def ready(address: str) -> None:
                os.write(telling, address.encode())
                os.close(telling)

            self._serve(self._port, parent, ready, again)
            code = 0
        except MaelstromError as error:
            print(f"maelstrom-broker: {error}", file=sys.stderr)
            code = error.exit_code
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _hear_address(self, told: int) -> None:
        """Where it listens; it must be the same the next time."""
        address = os.read(told, 1000).decode()  # or several, with one port
        if address:
            self._port = int(address.rpartition(":")[2])
            if not self._was_ready:
                self._was_ready = True
                self._announce(address)

    def _stop(self, number: int, _frame: object) -> None:
        self._stopping = True
        if self._child:
            with suppress(ProcessLookupError):
                os.kill(self._child, number)

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stopping and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))


def alone_in(directory: Path) -> int:
    """Make sure that no other broker uses this directory of keys, for as long as this process lives.

    :return: the descriptor that holds the lock
    :raises HostError: if one does, or the directory cannot be used
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(directory / "broker.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise HostError(
            f"another broker of the cluster in {directory} is running",
            remedy="stop that one, or give this one a --cluster-directory of its own",
        ) from None
    except OSError as error:
        raise HostError(f"cannot use {directory}: {error.strerror}") from None
    return lock


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
