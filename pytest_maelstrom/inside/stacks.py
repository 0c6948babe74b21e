"""Tells where a test hangs when its time is up.

The controlling process's engine sends a signal of its own a moment before SIGTERM, and the
interpreter's C code answers it by writing the stacks of all threads to the report descriptor, as
plain lines between the messages. So it works while a test is in C code that never returns, or keeps
every lock; a test's handler of SIGTERM, and whether it blocks or ignores that, is left alone. It is
a real-time signal near the end of their range: programs that use some begin at the other end.
"""

import faulthandler
from typing import Any

SIGNAL = 63


def tell_when_asked(sender: Any) -> None:
    """Write the stacks to where messages go, whenever the signal comes.

    :param sender: a `pytest_maelstrom.inside.wire.Sender`
    """
    faulthandler.register(SIGNAL, file=sender.descriptor, all_threads=True, chain=False)
