"""Where a slot process stands: its mount and network namespaces. Standard library only."""

import os

from maelstrom_core.container import flags as k
from maelstrom_core.container.child import perform_steps
from maelstrom_core.container.script import Step
from maelstrom_core.container.slot_plan import network_steps


class Place:
    """Changes namespaces, and remembers which it is in: no call is made that changes nothing.

    :param numbers: system calls by name
    :param own_network: whether the slot owns its network namespace, and so can make others
    """

    def __init__(self, numbers: dict[str, int], *, own_network: bool) -> None:
        self._numbers = numbers
        self._own_network = own_network
        self.proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.host_view = self.namespace("mnt")
        self.view = self.host_view
        self._network = ""
        self._networks: dict[str, int] = {}

    def enter_network(self, name: str) -> None:
        """Go to the slot's network namespace of that kind; made when first needed.

        :raises StepFailed: where the host refuses
        """
        if name == self._network or not self._own_network:
            return
        if name in self._networks:
            step = Step(
                "setns", (self._networks[name], k.CLONE_NEWNET), "change network namespaces"
            )
            self.perform([step])
        else:
            self.perform(network_steps(loopback=name == "loopback"), proc=self.proc)
            self._networks[name] = self.namespace("net")
        self._network = name

    def look_at(self, view: int) -> None:
        """Go to a mount namespace.

        :raises StepFailed: where the host refuses
        """
        if view != self.view:
            self.perform([Step("setns", (view, k.CLONE_NEWNS), "change mount namespaces")])
            self.view = view

    def namespace(self, kind: str) -> int:
        """Descriptor of the namespace of a kind that this process is in."""
        return os.open(f"self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.proc)

    def perform(self, steps: list[Step], **parameters: int) -> None:
        """Perform a script in this process.

        :raises StepFailed: with the step that failed
        """
        perform_steps(steps, self._numbers, **parameters)
