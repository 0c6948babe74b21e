"""Containers that are made ready for a cluster, and what cannot be made ready for now."""

from collections.abc import Sequence
from typing import Any

import trio
from trio.testing import MockClock

from maelstrom_core.cluster.ready import AGAIN_SECONDS, ReadyContainers
from maelstrom_core.errors import HostError, InputError, MaelstromError
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.outcome import HostFailed, InputFailed


class Broker:
    """Has no room until it has."""

    def __init__(self, *faults: MaelstromError | None) -> None:
        self.faults = list(faults)
        self.asked = 0

    async def put_layers(self, layers: Sequence[Any], *, again: bool = False) -> None:
        del layers, again
        self.asked += 1
        await trio.sleep(1)
        fault = self.faults.pop(0)
        if fault is not None:
            raise fault


async def no_layers(spec: ContainerSpec) -> Sequence[Any]:
    del spec
    return ()


def outcomes(broker: Broker, *pauses: float) -> list[Any]:
    """What stands in the way of a container that is wanted after each of these pauses."""

    async def main() -> list[Any]:
        known: list[bytes] = []
        containers = ReadyContainers(broker, no_layers, lambda digest, _: known.append(digest))  # type: ignore[arg-type]
        found = []
        async with trio.open_nursery() as containers.nursery:
            for pause in pauses:
                await trio.sleep(pause)
                ready = await containers.ready(ContainerSpec())
                assert ready is not None
                found.append(ready.fault)
        assert len(known) == found.count(None) > 0 or None not in found
        return found

    return trio.run(main, clock=MockClock(autojump_threshold=0))


FULL = HostError("the broker's disk is full", remedy="give it room")
FAILED = HostFailed("the broker's disk is full", "give it room")


def test_all_jobs_of_a_run_fail_at_once_and_later_ones_find_that_there_is_room() -> None:
    broker = Broker(FULL, None)
    assert outcomes(broker, 0, 1, AGAIN_SECONDS / 2, AGAIN_SECONDS) == [
        FAILED,
        FAILED,
        FAILED,
        None,
    ]
    assert broker.asked == 2


def test_it_may_be_full_for_long() -> None:
    broker = Broker(FULL, FULL, None)
    assert outcomes(broker, 0, AGAIN_SECONDS, AGAIN_SECONDS) == [FAILED, FAILED, None]


def test_what_is_the_containers_own_fault_stays_so() -> None:
    broker = Broker(InputError("bad", ["a fault"]))
    (first, second) = outcomes(broker, 0, 10 * AGAIN_SECONDS)
    assert first == second == InputFailed(("bad", "a fault"))
    assert broker.asked == 1
