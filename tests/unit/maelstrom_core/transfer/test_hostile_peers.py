"""Peers with a key that do what no peer of ours does: nothing of it disturbs others."""

import os
from pathlib import Path

import pytest
import trio

from maelstrom_core.model.digest import Digest
from maelstrom_core.transfer.asking import Asker
from maelstrom_core.transfer.fetch import Fetcher
from maelstrom_core.transfer.server_state import Limits
from maelstrom_core.transfer.upload import put_blob
from maelstrom_core.wire.bulk import (
    ANSWERS,
    BULK,
    Blob,
    Get,
    GetPart,
    Need,
    Put,
    PutPart,
    Refused,
    Stored,
    Why,
)

MIB = 1 << 20
WRONG = bytes(32)


def name_of(data: bytes) -> bytes:
    return bytes.fromhex(Digest.of(data).hex)


async def asked(connector, request):
    """The answer to one request, by hand."""
    await connector.send(BULK.encode(request))
    (data,) = await connector.receive_batch()
    return BULK.decode(data, ANSWERS)


async def others_are_served(world) -> None:
    async with world.asker("worker") as asker:
        data = os.urandom(700_000)
        digest = await put_blob(asker, data)
        assert await Fetcher(asker, None).get(digest) == data


def play(open_world, script, limits=None, role="client"):
    async def main() -> None:
        async with open_world(limits) as world, world.connect(role) as connector:
            with trio.fail_after(60):
                await script(world, connector)
                await others_are_served(world)
            world.directory.holdings.check()
            files = Path(world.directory._files.directory)
            assert not list((files / "tmp").iterdir())
            on_disk = {path.name[:64] for path in files.glob("*/??/*")}
            assert on_disk == {
                key.hex() for key in world.directory.holdings._items if isinstance(key, bytes)
            }

    trio.run(main)


def test_bytes_of_another_digest_are_not_kept(open_world) -> None:
    async def script(world, connector) -> None:
        answer = await asked(connector, Put(1, (Blob(WRONG, b"something else"),)))
        assert (type(answer), answer.why) == (Refused, Why.WRONG_DIGEST)
        answer = await asked(connector, PutPart(2, WRONG, 3, 0, b"abc"))
        assert (type(answer), answer.why) == (Refused, Why.WRONG_DIGEST)
        answer = await asked(connector, Need(3, (WRONG,)))
        assert answer.bitmap == b"\x01"

    play(open_world, script)


def test_what_came_before_a_bad_blob_is_kept(open_world) -> None:
    async def script(world, connector) -> None:
        good = Blob(name_of(b"good"), b"good")
        answer = await asked(connector, Put(1, (good, Blob(WRONG, b"bad"))))
        assert (type(answer), answer.why) == (Refused, Why.WRONG_DIGEST)
        answer = await asked(connector, Need(2, (WRONG, good.digest)))
        assert answer.bitmap == b"\x01"

    play(open_world, script)


def test_lies_about_sizes_end_the_upload(open_world) -> None:
    async def script(world, connector) -> None:
        name = name_of(b"abcdef")
        assert await asked(connector, PutPart(1, name, 6, 0, b"abc")) == Stored(1, 3)
        answer = await asked(connector, PutPart(2, name, 7, 3, b"def"))
        assert (type(answer), answer.why) == (Refused, Why.TOO_LARGE)
        assert await asked(connector, PutPart(3, name, 6, 3, b"def")) == Stored(3, 0)
        answer = await asked(connector, PutPart(4, name, 6, 0, b"abcdefg"))
        assert (type(answer), answer.why) == (Refused, Why.TOO_LARGE)
        assert await asked(connector, PutPart(5, name, 6, 0, b"abcdef")) == Stored(5, 6)

    play(open_world, script)


def test_lies_about_offsets_are_told_where_to_go_on(open_world) -> None:
    async def script(world, connector) -> None:
        name = name_of(b"abcdef")
        assert await asked(connector, PutPart(1, name, 6, 4, b"ef")) == Stored(1, 0)
        assert await asked(connector, PutPart(2, name, 6, 0, b"ab")) == Stored(2, 2)
        assert await asked(connector, PutPart(3, name, 6, 0, b"xx")) == Stored(3, 2)
        assert await asked(connector, PutPart(4, name, 6, 2, b"cdef")) == Stored(4, 6)
        assert (await asked(connector, GetPart(5, name, 0, 100))).data == b"abcdef"
        answer = await asked(connector, GetPart(6, name, 7, 100))
        assert (type(answer), answer.why) == (Refused, Why.TOO_LARGE)
        assert (await asked(connector, GetPart(7, name, 6, 100))).data == b""

    play(open_world, script)


def test_what_is_larger_than_the_store_is_refused_at_once(open_world) -> None:
    async def script(world, connector) -> None:
        answer = await asked(connector, PutPart(1, WRONG, 9 * MIB, 0, b"a"))
        assert (type(answer), answer.why) == (Refused, Why.TOO_LARGE)

    play(open_world, script, Limits(most_bytes=8 * MIB, share_bytes=8 * MIB))


def test_uploads_that_never_finish_fill_one_s_own_share_only(open_world) -> None:
    async def script(world, connector) -> None:
        for index in range(3):
            name = name_of(b"%d" % index)
            answer = await asked(connector, PutPart(index, name, 5 * MIB, 0, b"a"))
            if index < 2:
                assert answer == Stored(index, 1)
        assert (type(answer), answer.why) == (Refused, Why.FULL)
        assert "one key" in answer.text

    play(open_world, script, Limits(most_bytes=64 * MIB, upload_bytes=12 * MIB))


def test_the_number_of_uploads_is_limited(open_world) -> None:
    async def script(world, connector) -> None:
        for index in range(5):
            answer = await asked(connector, PutPart(index, name_of(b"%d" % index), 5, 0, b"a"))
        assert (type(answer), answer.why) == (Refused, Why.FULL)

    play(open_world, script, Limits(uploads=4))


def test_whole_blobs_fill_one_s_own_share_only(open_world) -> None:
    async def script(world, connector) -> None:
        for index in range(9):
            data = os.urandom(MIB // 2)
            answer = await asked(connector, Put(index, (Blob(name_of(data), data),)))
        assert (type(answer), answer.why) == (Refused, Why.FULL)

    play(open_world, script, Limits(most_bytes=64 * MIB, share_bytes=4 * MIB))


def test_empty_blobs_without_end_are_counted(open_world) -> None:
    async def script(world, connector) -> None:
        data = [b"%d" % index for index in range(30)]
        blobs = tuple(Blob(name_of(one), one) for one in data)
        answer = await asked(connector, Put(1, blobs))
        assert (type(answer), answer.why) == (Refused, Why.FULL)
        world.directory.holdings.limits = Limits()

    play(open_world, script, Limits(most_blobs=20))


def test_admins_and_strangers_have_no_use_for_blobs(open_world) -> None:
    async def script(world, connector) -> None:
        for request in (Need(1, (WRONG,)), Get(2, (WRONG,)), PutPart(3, WRONG, 1, 0, b"a")):
            answer = await asked(connector, request)
            assert (type(answer), answer.why) == (Refused, Why.NOT_ALLOWED)

    play(open_world, script, role="admin")


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff\x00 garbage",
        BULK.encode(Stored(1, 0)),
        BULK.encode(Refused(1, 2, "x")),
        b"\x83\x04\x01\x58\x03abc",
        b"\x9f" * 100_000,
        b"\x81" * 100_000,
    ],
)
def test_whoever_speaks_nonsense_is_not_listened_to_any_more(open_world, payload) -> None:
    async def script(world, connector) -> None:
        await connector.send(payload)
        await connector.send(BULK.encode(Need(1, (WRONG,))))
        with trio.move_on_after(0.3):
            # What came in one go with it may be answered; nothing later is.
            await connector.receive_batch()
        while not world.server.counts.dropped:
            await trio.sleep(0.01)
        await connector.send(BULK.encode(Need(2, (WRONG,))))
        with trio.move_on_after(0.3) as scope:
            await connector.receive_batch()
        assert scope.cancelled_caught

    play(open_world, script)


def test_a_flood_is_not_answered_and_then_not_heard(open_world) -> None:
    async def script(world, connector) -> None:
        request = BULK.encode(Need(1, tuple(os.urandom(32) for _ in range(8000))))
        with trio.move_on_after(20):
            while not world.server.counts.dropped:
                await connector.send(request)
        assert world.server.counts.dropped == 1
        assert world.server.counts.ignored > 200

    play(open_world, script)


def test_whoever_asks_and_does_not_read_holds_up_nobody(open_world) -> None:
    async def script(world, connector) -> None:
        async with world.asker() as asker:
            digest = await put_blob(asker, os.urandom(8 * MIB))
        for index in range(200):
            await connector.send(BULK.encode(GetPart(index, digest, 0, MIB // 2)))
            if index % 8 == 0:
                await trio.sleep(0.01)
        await others_are_served(world)
        assert world.server._held_bytes < 100_000

    play(open_world, script)


def test_a_manifest_that_names_itself_and_nothing_does_no_harm(open_world) -> None:
    async def script(world, connector) -> None:
        head = b"\xa2\x67entries"
        for index, tail in enumerate(
            (b"", b"\x58\x20" + os.urandom(32) * 3000, os.urandom(90_000))
        ):
            data = head + tail
            answer = await asked(connector, Put(2 * index, (Blob(name_of(data), data),)))
            assert answer == Stored(2 * index)
            answer = await asked(connector, Need(2 * index + 1, (name_of(data),)))
            assert answer.bitmap == b"\x00"

    play(open_world, script)


def test_no_request_of_any_shape_does_more_than_be_refused(open_memory_world) -> None:
    """Valid messages with bytes changed, cut and repeated."""
    import random

    rng = random.Random(7)
    data = b"abc" * 100
    valid = [
        BULK.encode(one)
        for one in (
            Need(1, (WRONG, name_of(data))),
            Put(2, (Blob(name_of(data), data),)),
            PutPart(3, name_of(data), len(data), 0, data[:100]),
            Get(4, (name_of(data), WRONG)),
            GetPart(5, name_of(data), 3, 50),
        )
    ]

    async def script(world, _connector) -> None:
        for _ in range(2000):
            payload = bytearray(rng.choice(valid))
            for _ in range(rng.randrange(4)):
                payload[rng.randrange(len(payload))] = rng.randrange(256)
            payload = (
                payload[: rng.randrange(1, len(payload) + 1)] if rng.random() < 0.3 else payload
            )
            async with world.connect() as connector:
                await connector.send(bytes(payload))
                await trio.lowlevel.checkpoint()

    play(open_memory_world, script)


def test_answers_that_no_broker_gives_end_the_link_with_a_word(open_memory_world) -> None:
    from maelstrom_core.errors import PeerError

    class Liar:
        def __init__(self, answer) -> None:
            self.tell, self.events = trio.open_memory_channel(10)
            self.answers_in, self.answers = trio.open_memory_channel(10)
            self.answer = answer
            from maelstrom_core.transport.endpoints import Connected

            self.tell.send_nowait(Connected())

        async def send(self, payload) -> None:
            await self.answers_in.send(self.answer)

        async def receive_batch(self):
            return [await self.answers.receive()]

    async def main(answer) -> None:
        asker = Asker(Liar(answer))
        failed = []

        async def ask() -> None:
            try:
                await put_blob(asker, b"abc")
            except PeerError as error:
                failed.append(str(error))

        with trio.fail_after(10), pytest.raises(PeerError):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ask)
                try:
                    await asker.run()
                except PeerError as error:
                    raised = error
                else:
                    raised = None
            assert raised is not None
            raise raised
        assert "bulk link" in failed[0]

    for answer in (b"\xff", BULK.encode(Need(1, ())), BULK.encode(Get(1, ()))):
        trio.run(main, answer)
