"""placeholder replaced below"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """x"""

    whose: str
    cause: str
    remedy: str


def explain(call, errno, purpose):
    """x"""
    import os

    return Explanation("host", os.strerror(errno), "")
