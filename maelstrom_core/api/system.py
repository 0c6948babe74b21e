"""The container that a job has which says nothing of its container: this machine's programs."""

import os

from maelstrom_core.layers.system import system_layers
from maelstrom_core.model.container import (
    USUAL_PATH,
    ContainerSpec,
    Devices,
    Network,
    Proc,
    Root,
    Sys,
)


def system_container() -> ContainerSpec:
    """This machine's programs, in place and read-only; what a job writes elsewhere ends with it.

    Nothing of the project, of homes or of this process's variables is in it: what a job needs of those
    it says.
    """
    return ContainerSpec(
        layers=system_layers(),
        mounts=(Proc(), Sys(), Devices()),
        root=Root(writable=True),
        network=Network.LOOPBACK,
        environment=(("HOME", "/tmp"), ("LANG", "C.UTF-8"), ("PATH", USUAL_PATH)),
        working_directory="/tmp",
        user=os.geteuid(),
        group=os.getegid(),
    )
