"""With which signals jobs begin, wherever the engine was started. Standard library only."""

import signal

_PYTHON_IGNORES = (signal.SIGPIPE, signal.SIGXFSZ)
"""By itself; jobs restore these (`restrict_plan`), and slot processes need them ignored."""


def ignore_no_signal() -> None:
    """In a slot process: what was ignored by whoever started the engine is not ignored any more.

    It would stay so in all that is started, and in a background job of a shell it is what the keys of
    a terminal send: SIGINT and SIGQUIT.
    """
    for number in signal.valid_signals():
        if number not in _PYTHON_IGNORES and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
