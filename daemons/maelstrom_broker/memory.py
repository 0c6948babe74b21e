"""Memory that was needed once goes back to the kernel.

glibc keeps what is free below anything that is not: after a burst of large messages a broker would stay
as large as it was then (malloc_trim(3)).
"""

import ctypes
import gc
from collections.abc import Callable
from typing import Any


def _found() -> Callable[[int], Any] | None:
    """``malloc_trim``, which not every C library has."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None


_TRIM = _found()


def give_back() -> None:
    """Let go of garbage, and of memory that is free."""
    gc.collect()
    if _TRIM is not None:
        _TRIM(0)
