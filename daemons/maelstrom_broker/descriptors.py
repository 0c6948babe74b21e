"""How many descriptors the broker may have, and what they are for: nearly all are connections."""

import resource

OTHERS = 256
"""Files, the page's connections, and what is accepted before it can be cut."""
MOST = 1 << 17
"""With no limit at all: what there is once is not looked through in vain."""
_LEAST = 16
_LISTENERS = 2


def raise_the_limit() -> int:
    """Take as many as the hard limit gives; how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            hard = soft
    return MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)


def connections_of_a_listener(descriptors: int) -> int:
    """How many connections each of the two may have.

    :param descriptors: that the process may have in all
    """
    return max(_LEAST, (descriptors - OTHERS) // _LISTENERS)
