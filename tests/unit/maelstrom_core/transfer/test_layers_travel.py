"""Layers from a client's store through the broker into a worker's, over queues and over sockets."""

import errno
import os
from pathlib import Path

import pytest
import trio

from maelstrom_core.errors import InputError
from maelstrom_core.layers import make_layers
from maelstrom_core.model.layers import GlobLayer
from maelstrom_core.transfer import upload
from maelstrom_core.transfer.asking import BlobGone
from maelstrom_core.transfer.fetch import Fetcher
from maelstrom_core.transfer.upload import Uploader
from maelstrom_core.wire.bulk import MOST_PART_BYTES


def test_a_layer_is_the_same_at_the_worker(
    open_world, client_store, worker_store, layer, look
) -> None:
    sent, brought, told = [0, 0], [0, 0], list[tuple[int, int]]()

    def count(into):
        def told(size, files):
            into[0] += size
            into[1] += files

        return told

    async def main() -> None:
        async with open_world() as world, world.asker() as ours, world.asker("worker") as theirs:
            with trio.fail_after(60):
                uploader = Uploader(ours, client_store, lambda *one: told.append(one))
                await uploader.ensure([layer], count(sent))
                lease = await Fetcher(theirs, worker_store).layers([layer], count(brought))
            with lease:
                assert look(worker_store.tree(layer)) == look(client_store.tree(layer))
                assert worker_store.evict(0) == 0
            world.directory.holdings.check()

    trio.run(main)
    assert sent == brought
    # Its files, of which it is known first how much is to come; the manifest is none.
    assert sum(lacking for lacking, _ in told) == sum(done for _, done in told)
    assert 3_000_000 < told[0][0] <= sent[0]
    assert sent[0] > 3_000_001


def test_a_layer_that_the_broker_has_costs_one_question_in_each_of_its_lives(
    open_world, client_store, layer
) -> None:
    async def main() -> None:
        async with open_world() as world, world.asker() as asker:
            with trio.fail_after(60):
                uploader = Uploader(asker, client_store)
                uploader.broker_is(b"1")
                await uploader.ensure([layer])
                before, size = world.server.counts.requests, world.server.counts.bytes_in
                await uploader.ensure([layer])
                assert world.server.counts.requests == before
                uploader.broker_is(b"2")
                await uploader.ensure([layer])
                assert world.server.counts.requests == before + 1
                assert world.server.counts.bytes_in < size + 100

    trio.run(main)


def test_whoever_sends_the_same_at_once_sends_it_once(open_world, client_store, layer) -> None:
    async def main() -> None:
        async with open_world() as world, world.asker() as asker:
            uploader = Uploader(asker, client_store)
            with trio.fail_after(60):
                async with trio.open_nursery() as nursery:
                    for _ in range(10):
                        nursery.start_soon(uploader.ensure, [layer])
            assert world.server.counts.bytes_in < 5_000_000

    trio.run(main)


def test_what_goes_while_the_rest_is_sent_for_long_is_sent_again(
    open_world, client_store, worker_store, layer, project, look, monkeypatch
) -> None:
    """Else a manifest would promise what is not there, for as long as anybody asks for it."""
    monkeypatch.setattr(upload, "_BELIEVED_SECONDS", 0.0)
    (project / "large").write_bytes(os.urandom(2 << 20))
    made = make_layers([GlobLayer(globs=("**",))], project_directory=project, store=client_store)
    (more,) = made.digests

    async def main() -> None:
        async with open_world() as world, world.asker() as ours, world.asker("worker") as theirs:
            there: list[bytes] = []

            def goes(_size: int, _files: int) -> None:
                while there:
                    world.directory._lost(there.pop())

            with trio.fail_after(60):
                uploader = Uploader(ours, client_store)
                await uploader.ensure([layer])
                there += world.directory._owners
                await uploader.ensure([more], goes)
                assert not there
                with await Fetcher(theirs, worker_store).layers([more]):
                    assert look(worker_store.tree(more)) == look(client_store.tree(more))

    with made.lease:
        trio.run(main)


def test_layers_that_share_files_send_each_once(open_world, client_store, layer, project) -> None:
    (project / "more").write_text("more")
    made = make_layers([GlobLayer(globs=("**",))], project_directory=project, store=client_store)

    async def main() -> None:
        async with open_world() as world, world.asker() as asker:
            with trio.fail_after(60):
                await Uploader(asker, client_store).ensure([layer, *made.digests])
            assert world.server.counts.bytes_in < 5_000_000

    with made.lease:
        trio.run(main)


def test_whoever_wants_the_same_at_once_gets_it_once(
    open_world, client_store, worker_store, layer
) -> None:
    async def main() -> None:
        async with open_world() as world, world.asker() as ours, world.asker("worker") as theirs:
            with trio.fail_after(60):
                await Uploader(ours, client_store).ensure([layer])
                fetcher = Fetcher(theirs, worker_store)
                leases = []

                async def get() -> None:
                    leases.append(await fetcher.layers([layer]))

                async with trio.open_nursery() as nursery:
                    for _ in range(10):
                        nursery.start_soon(get)
            for lease in leases:
                lease.release()
            assert world.server.counts.bytes_out < 5_000_000

    trio.run(main)


def test_a_lost_connection_costs_what_was_on_its_way(
    open_world, client_store, worker_store, project, look
) -> None:
    size = 24 << 20
    (project / "huge").write_bytes(os.urandom(size))
    made = make_layers([GlobLayer(globs=("**",))], project_directory=project, store=client_store)
    (layer,) = made.digests

    def losing(asker):
        told = [0, 0]

        def progress(size, _files):
            told[0] += size
            if told[0] > (told[1] + 1) * (6 << 20) and told[1] < 3:
                told[1] += 1
                asker.lose()

        return told, progress

    async def main() -> None:
        async with open_world() as world, world.asker() as ours, world.asker("worker") as theirs:
            with trio.fail_after(90):
                told, progress = losing(ours)
                await Uploader(ours, client_store).ensure([layer], progress)
                assert told[1] == 3
                assert world.server.counts.bytes_in < 2 * size
                told, progress = losing(theirs)
                lease = await Fetcher(theirs, worker_store).layers([layer], progress)
                assert told[1] == 3
            with lease:
                assert look(worker_store.tree(layer)) == look(client_store.tree(layer))

    with made.lease:
        trio.run(main)


@pytest.mark.parametrize("name", ["sub3/file10.py", "middle", "large"])
def test_a_file_that_was_changed_is_named(open_world, client_store, layer, name) -> None:
    entry = next(e for e in client_store.manifest(layer) if e.path == os.fsencode(name))
    path = client_store.blobs.path(entry.digest)
    path.chmod(0o600)
    data = path.read_bytes()
    path.write_bytes(b"X" + data[1:])
    told: list[tuple[int, int]] = []

    async def main() -> None:
        async with open_world() as world, world.asker() as asker:
            with trio.fail_after(60), pytest.raises(InputError) as caught:
                uploader = Uploader(asker, client_store, lambda *one: told.append(one))
                await uploader.ensure([layer])
            assert sum(lacking for lacking, _ in told) == sum(done for _, done in told)
            assert str(path) in str(caught.value)
            assert "changed since" in str(caught.value)
            assert bytes.fromhex(entry.digest.hex) not in world.directory.holdings
            assert bytes.fromhex(layer.hex) not in world.directory.holdings

    trio.run(main)


@pytest.mark.parametrize("name", ["sub3/file10.py", "large", None])
def test_what_the_broker_has_lost_is_named_and_sent_again(
    open_world, client_store, worker_store, layer, name
) -> None:
    entries = client_store.manifest(layer)
    lost = next((e.digest for e in entries if e.path == os.fsencode(name or "")), layer)

    async def main() -> None:
        async with open_world() as world, world.asker() as ours, world.asker("worker") as theirs:
            uploader, fetcher = Uploader(ours, client_store), Fetcher(theirs, worker_store)
            with trio.fail_after(60):
                await uploader.ensure([layer])
                next(Path(world.directory._files.directory).glob(f"*/??/{lost.hex}*")).unlink()
                with pytest.raises(BlobGone) as caught:
                    await fetcher.layers([layer])
                assert layer.short in str(caught.value)
                assert (name or "") in str(caught.value)
                uploader.forget(layer)
                await uploader.ensure([layer])
                (await fetcher.layers([layer])).release()

    trio.run(main)


def test_bytes_of_any_size_are_put_and_got(open_world, worker_store) -> None:
    async def main() -> None:
        async with open_world() as world, world.asker() as ours, world.asker("worker") as theirs:
            with trio.fail_after(60):
                for size in (0, 1, 512 << 10, MOST_PART_BYTES, MOST_PART_BYTES + 1, 3_333_333):
                    data = os.urandom(size)
                    ours_, theirs_ = Fetcher(ours, worker_store), Fetcher(theirs, worker_store)
                    digest = await theirs_.put(data)
                    assert await theirs_.put(data) == digest
                    assert await ours_.get(digest) == data
                with pytest.raises(InputError, match="too many"):
                    await ours_.get(digest, most=3_000_000)
                with pytest.raises(BlobGone):
                    await ours_.get(bytes(32))

    trio.run(main)


def test_a_disk_that_is_full_for_a_while_costs_time_only(
    open_memory_world, worker_store, monkeypatch
) -> None:
    monkeypatch.setattr("maelstrom_core.transfer.asking._FIRST_PAUSE_SECONDS", 0.01)
    data = os.urandom(10_000_000)

    async def main() -> None:
        async with open_memory_world() as world, world.asker() as asker:
            append, calls = world.directory._files.append, []

            def sometimes_full(upload, part):
                calls.append(1)
                if len(calls) % 5 in (3, 4):
                    raise OSError(errno.ENOSPC, "No space left on device")
                return append(upload, part)

            world.directory._files.append = sometimes_full
            with trio.fail_after(60):
                fetcher = Fetcher(asker, worker_store)
                assert await fetcher.get(await fetcher.put(data)) == data

    trio.run(main)
