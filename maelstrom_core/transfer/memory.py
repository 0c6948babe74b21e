"""Memory of large messages: kept by the C library from one to the next."""

_KEPT_BYTES = 8 << 20


def keep_freed_memory() -> None:
    """Have the C library keep a few messages' memory that was freed, in this process.

    Else glibc gives each freed mebibyte back to the kernel and takes 256 zeroed pages for the next: that
    was a third of the CPU time of a transfer. A large block, allocated by ``mmap`` and freed, makes it
    change its mind: from then on what is as large comes from its heaps, and it trims them above twice
    that (mallopt(3), ``M_MMAP_THRESHOLD``). Another C library ignores this.
    """
    bytes(_KEPT_BYTES)
