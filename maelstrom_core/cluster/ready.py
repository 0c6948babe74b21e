"""Containers of a client's jobs, made ready for a cluster: layers made here, and sent. For trio."""

from collections.abc import Awaitable, Callable, Sequence

import attrs
import trio

from maelstrom_core.cluster.blobs import Uploads
from maelstrom_core.cluster.containers import container_bytes
from maelstrom_core.errors import InputError, MaelstromError
from maelstrom_core.model.container import Container, ContainerSpec
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.outcome import HostFailed, InputFailed, Outcome
from maelstrom_core.transfer.upload import Layer
from maelstrom_core.wire.messages import MOST_CONTAINER_BYTES

REFRESH_SECONDS = 300.0
"""How often the broker is told which layers are still in use, so that it keeps them."""

AGAIN_SECONDS = 30.0
"""After a machine's fault, such as a full disk, so long no job in that container tries again; all of a
run fail at once, and who goes on for longer finds that there is room."""

MakeLayers = Callable[[ContainerSpec], Awaitable[Sequence[Layer]]]
"""Makes the layers of a container, lowest first, on this machine."""


@attrs.define
class ReadyContainer:
    """A container that is being made ready, or is.

    :ivar times: how often it was made ready
    :ivar failed_at: when that failed last, in trio's seconds
    """

    spec: ContainerSpec
    ready: trio.Event = attrs.field(factory=trio.Event)
    times: int = 0
    layers: Sequence[Layer] = ()
    digest: bytes = b""
    fault: Outcome | None = None
    failed_at: float = 0.0

    def may_pass(self, now: float) -> bool:
        """Whether it has failed through no fault of its own, a while ago."""
        failed = self.ready.is_set() and isinstance(self.fault, HostFailed)
        return failed and now - self.failed_at >= AGAIN_SECONDS


def digest_of_layer(layer: Layer) -> Digest:
    """The name of a layer, wherever it is."""
    return layer if isinstance(layer, Digest) else layer.digest


class ReadyContainers:
    """All containers of a client.

    :param known: told of each that is ready: its digest, and its bytes
    :ivar nursery: in which they are made ready, whoever waits for them
    """

    def __init__(
        self, uploads: Uploads, make_layers: MakeLayers, known: Callable[[bytes, bytes], None]
    ) -> None:
        self._uploads = uploads
        self._make_layers = make_layers
        self._tell_known = known
        self._containers: dict[ContainerSpec, ReadyContainer] = {}
        self._by_identity: dict[int, tuple[ContainerSpec, ReadyContainer]] = {}
        self.nursery: trio.Nursery | None = None
        self._unready: dict[trio.CancelScope, float] = {}
        """Jobs that wait for their containers, and since when."""

    @property
    def awaited(self) -> int:
        """How many jobs wait for their containers."""
        return len(self._unready)

    async def ready(self, spec: ContainerSpec, *, after: int = 0) -> ReadyContainer | None:
        """Its container, with all that is in it at the broker; ``None`` if it was asked back meanwhile.

        :param after: make it ready once more, if that was not done since it had been so often
        """
        # Hashing a container is dear, so its object is remembered too.
        found = self._by_identity.get(id(spec))
        if found is None:
            known = self._containers.setdefault(spec, ReadyContainer(spec))
            # Kept alive here, so that no other object comes to have its identity.
            self._by_identity[id(spec)] = (spec, known)
        else:
            known = found[1]
        if known.times == after or known.may_pass(trio.current_time()):
            assert self.nursery is not None
            known.times += 1
            known.ready = trio.Event()
            self.nursery.start_soon(self._make, known)
        with trio.CancelScope() as scope:
            self._unready[scope] = trio.current_time()
            try:
                await known.ready.wait()
            finally:
                del self._unready[scope]
        return None if scope.cancelled_caught else known

    async def _make(self, known: ReadyContainer) -> None:
        known.fault = None
        try:
            known.layers = await self._make_layers(known.spec)
            digests = tuple(map(digest_of_layer, known.layers))
            fields = attrs.asdict(known.spec, recurse=False) | {"layers": digests}
            data = container_bytes(Container(**fields))
            if len(data) > MOST_CONTAINER_BYTES:
                raise InputError(
                    "the container is too large for a cluster",
                    [f"it is described by {len(data)} bytes; {MOST_CONTAINER_BYTES} are possible"],
                )
            await self._uploads.put_layers(known.layers, again=known.times > 1)
            known.digest = bytes.fromhex(Digest.of(data).hex)
            self._tell_known(known.digest, data)
        except InputError as error:
            known.fault = InputFailed((error.message.partition(":")[0], *error.faults))
        except MaelstromError as error:
            known.fault = HostFailed(error.message, error.remedy)
        except OSError as error:
            known.fault = HostFailed(f"making its layers failed: {error}")
        finally:
            known.failed_at = trio.current_time()
            known.ready.set()

    def give_up(self, jobs: int, since: float) -> int:
        """Let so many jobs wait no longer that came before; how many there were."""
        found = 0
        for scope, came in reversed(self._unready.items()):
            if found < jobs and came <= since and not scope.cancel_called:
                scope.cancel()
                found += 1
        return found

    async def keep(self) -> None:
        """Tell the broker now and then which layers are in use, for ever."""
        while True:
            await trio.sleep(REFRESH_SECONDS)
            layers = {
                digest_of_layer(layer): layer
                for known in self._containers.values()
                for layer in known.layers
            }
            try:
                await self._uploads.put_layers(tuple(layers.values()), again=True)
            except MaelstromError:
                continue  # a job that needs them will say so
