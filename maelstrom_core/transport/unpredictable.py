"""Makes the numbers that libzmq gives to a server's peers hard to guess.

Who holds a key and takes, as a routing id of his own, the number that the next peer would get, makes
libzmq abort (an assertion in ``socket_base.cpp``). It begins to count at a number of the C library's
``rand()``, which nobody seeds: it is the same in every process. Seeded, there are two thousand
million to guess from, and a peer is never told its own. Who guesses long enough is right some day:
a broker has a parent that starts it again.
"""

import ctypes
import secrets


def make_ids_unpredictable() -> None:
    """Seed ``rand()``. Right before the server's socket is made, which takes its number then."""
    seed = ctypes.CDLL(None).srand
    seed.argtypes, seed.restype = [ctypes.c_uint], None
    seed(secrets.randbits(32))
