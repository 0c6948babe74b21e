"""What plans must know of a host. Standard library only: slot processes load this module."""

import os
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """What plans must know of the host.

    :param machine: ``os.uname().machine``
    :param euid: effective user outside of all our namespaces
    :param egid: the same for the group
    :param pid_max_per_namespace: since Linux 6.14 a pid namespace has a limit of its own
    """

    machine: str
    euid: int
    egid: int
    pid_max_per_namespace: bool


def slot_facts() -> SlotFacts:
    """Facts of the host that this process runs on."""
    uname = os.uname()
    release = tuple(int(part) for part in re.findall(r"\d+", uname.release)[:2])
    return SlotFacts(
        machine=uname.machine,
        euid=os.geteuid(),
        egid=os.getegid(),
        pid_max_per_namespace=release >= (6, 14),
    )
