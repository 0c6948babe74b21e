"""Brokers are killed, and no job is run twice nor lost for it."""

import json
import os
import signal
from collections import Counter
from typing import Any

import trio

from maelstrom_core.wire.administration import AskStatus, Status


def test_it_starts_with_nothing_set_up_and_runs_jobs(
    broker: Any, parties: Any, eventually: Any, admin_party: Any
) -> None:
    async def main() -> None:
        async with parties(broker) as around:
            worker, client = await around.worker(), await around.client()
            client.jobs = range(100)
            client.welcomed()
            await eventually(lambda: len(client.results) == 100)
            assert {row.body for row in client.results.values()} == {b"%d" % n for n in range(100)}
            await eventually(lambda: not worker.held)
            admin = await around.add(admin_party, "admin")
            await eventually(lambda: admin.boot)
            admin.say(AskStatus())
            await eventually(lambda: admin.got)
            status = json.loads(admin.got[0].document)
            assert status["totals"]["ran"] == 100
            assert isinstance(admin.got[0], Status)

    assert broker.start().startswith("127.0.0.1:")
    trio.run(main)


def test_killed_again_and_again_every_job_is_run_once(
    broker: Any, parties: Any, eventually: Any
) -> None:
    async def main() -> None:
        async with parties(broker) as around:
            workers = [await around.worker(number) for number in range(2)]
            client = await around.client()
            client.jobs = range(1500)
            client.welcomed()
            for share in (200, 500, 900):
                await eventually(lambda: len(client.results) >= share)  # noqa: B023
                await broker.kill_serving()
            await eventually(lambda: len(client.results) == 1500)
            assert client.lives == 4
            ran = sum((worker.ran for worker in workers), Counter())
            assert set(ran.values()) == {1}, "a job was run twice"

    address = broker.start()
    trio.run(main)
    assert broker.said().count(f"address={address}") == 4
    assert broker.said().count("died of SIGKILL") == 3


def test_what_ended_while_no_broker_was_there_is_not_lost(
    broker: Any, parties: Any, eventually: Any
) -> None:
    async def main() -> None:
        async with parties(broker) as around:
            worker, client = await around.worker(), await around.client()
            worker.seconds = 1.0
            client.jobs = range(8)
            client.welcomed()
            await eventually(lambda: len(worker.held) == 8)
            os.kill(broker.serving()[-1], signal.SIGSTOP)
            await trio.sleep(1.2)
            await broker.kill_serving()
            await eventually(lambda: len(client.results) == 8)
            assert set(worker.ran.values()) == {1}
            assert {row.attempts for row in client.results.values()} == {1}

    broker.start()
    trio.run(main)
