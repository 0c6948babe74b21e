"""``--maelstrom-keep``: a process whose test has failed stays, and opens shells when it is asked to."""

import fcntl
import os
import subprocess
import termios

from pytest_maelstrom.inside.link import Link


def stay(link: Link) -> None:
    """Stay for ever: whoever does not need this process any more kills it."""
    link.stay()
    while link.hear():
        link.left(_run_shell(link.given))


def shell() -> str:
    """The user's, if the container has it."""
    wanted = os.environ.get("SHELL", "")
    return wanted if wanted and os.access(wanted, os.X_OK) else "/bin/sh"


def _run_shell(terminal: int) -> int:
    """Run a shell on a terminal, to its end; its exit status, as shells tell them."""

    def own_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    try:
        status = subprocess.call(
            [shell()],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=own_terminal,
        )
    except (OSError, subprocess.SubprocessError) as error:
        os.write(terminal, f"maelstrom: no shell can be started: {error}\r\n".encode())
        return 127
    return 128 - status if status < 0 else status
