"""What the page and the administrator are told of runs that were over when the broker was killed."""

import json
import math
import os
import re
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio

sys.path.insert(0, str(Path(__file__).parent))
from page_scene import PagedBroker, Peers, ask, peers_of, until


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[PagedBroker]:
    one = PagedBroker(tmp_path)
    yield one
    one.close()


def kept(broker: PagedBroker, table: str) -> int:
    """How many rows of it are on the disk."""
    file = broker.directory / "cluster" / "runs.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        ((rows,),) = connection.execute(f"SELECT count(*) FROM {table}")
    return int(rows)


async def a_run_is_over(peers: Peers, name: str = "tests of ann") -> str:
    """Its session; two of its three jobs were well."""
    worker = await peers.add("worker", f"rack of {name}", slots=3)
    client = await peers.add("client", name)
    client.submit(range(3), name="tests/test_a.py::test_secret")
    await until(lambda: len(worker.given) == 3)
    worker.begin()
    worker.end(1, told=("exited with status 3", b"the password is 17\n"))
    worker.end(2)
    session = client.hello.session.hex()
    while json.loads((await story(peers, session)) or "{}").get("counts", {}).get("ok") != 2:
        await trio.sleep(0.1)
    client.leave()
    worker.leave()
    return session


async def story(peers: Peers, *arguments: str) -> str:
    """What the program tells, as JSON; empty if there is nothing."""
    command = [sys.executable, "-m", "maelstrom_admin.cli", "story", "--json", *arguments]
    done = await trio.run_process(
        command,
        capture_stdout=True,
        capture_stderr=True,
        check=False,
        env={
            **os.environ,
            "MAELSTROM_CLUSTER_DIRECTORY": str(peers._keyring.directory),
        },
    )
    return done.stdout.decode() if done.returncode == 0 else ""


def same(one: Any, other: Any) -> bool:
    """Whether two stories are; times are kept as whole milliseconds."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, abs_tol=0.002)
    return bool(one == other)


async def killed_and_here_again(broker: PagedBroker) -> None:
    before = broker.serving()
    os.kill(before, signal.SIGKILL)
    with trio.fail_after(60):
        while "started again" not in broker.said() or broker.serving() == before:
            await trio.sleep(0.05)


def test_runs_that_were_over_are_shown_by_the_next_broker_to_the_same_people(
    broker: PagedBroker,
) -> None:
    async def main() -> None:
        token = {"Authorization": f"Bearer {broker.token}"}
        async with peers_of(broker) as peers:
            session = await a_run_is_over(peers)
            await until(lambda: kept(broker, "runs") == 1)
            before = json.loads(await story(peers, session))
            await killed_and_here_again(broker)

            page = (await ask(broker, "/")).text
            assert "History</h2>" in page and "tests of ann" in page
            assert "How long runs took" in page
            assert "test_secret" not in page and session not in page, "that is not for everybody"
            run, case = f"/run?session={session}", f"/case?session={session}&job=0"
            for path in (run, case):
                said = await ask(broker, path)
                assert said.status == 401 and "secret" not in said.text
            text = (await ask(broker, run, **token)).text
            for words in ("Run of", "test_secret 0", "exited with status 3", "Where time went"):
                assert words in text
            text = (await ask(broker, case, **token)).text
            assert "given to rack of tests of ann" in text
            assert "password" not in text, "what jobs have written is not kept"

            after = json.loads(await story(peers, session))
            for told in (before, after):
                assert told.pop("began_seconds_ago") > 0
                assert told.pop("ended_seconds_ago") >= 0
            # The clock of the first one went on until the run was over.
            assert same(after, before), (after, before)
            one = json.loads(await story(peers, session, "0"))
            assert one["outcome"] == "failed" and one["output_tail"] == ""
        assert "Traceback" not in broker.said()

    broker.start()
    trio.run(main)


def test_charts_of_the_last_hour_and_day_go_on(broker: PagedBroker) -> None:
    async def main() -> None:
        async with peers_of(broker) as peers:
            await a_run_is_over(peers)
            # They are written some at once, and their last ones are after the run.
            written = kept(broker, "samples")
            with trio.fail_after(120):
                while kept(broker, "samples") <= written or not kept(broker, "pieces"):
                    await trio.sleep(0.5)
            await killed_and_here_again(broker)
            status = json.loads((await ask(broker, "/api/status")).text)
            old = [row for row in status["history"] if row[0] > status["uptime_seconds"] + 1]
            assert len(old) >= 2
            assert old[-1][3] <= 0 and min(row[3] for row in old) == -3, "three ended before"
            page = (await ask(broker, "/")).text
            assert re.search(r"Ended and failed by half hour.*?3 ended, 1 failed", page, re.DOTALL)

    broker.start()
    trio.run(main)


@pytest.mark.parametrize("fault", ["damaged", "a directory"])
def test_a_file_that_cannot_be_read_costs_what_is_in_it_and_nothing_else(
    broker: PagedBroker, fault: str
) -> None:
    file = broker.directory / "cluster" / "runs.sqlite"
    file.parent.mkdir()
    if fault == "damaged":
        file.write_bytes(b"what is this" * 900)
    else:
        file.mkdir()

    async def main() -> None:
        async with peers_of(broker) as peers:
            await a_run_is_over(peers)
            assert "tests of ann" in (await ask(broker, "/")).text
            if fault == "damaged":
                await until(lambda: kept(broker, "runs") == 1)

    broker.start()
    trio.run(main)
    words = "is damaged, and begun anew" if fault == "damaged" else "cannot be opened"
    assert f"what is kept of runs {words}" in broker.said()
    assert "Traceback" not in broker.said()


def test_nothing_is_kept_if_that_is_wanted(broker: PagedBroker) -> None:
    async def main() -> None:
        async with peers_of(broker) as peers:
            await a_run_is_over(peers)
            assert "tests of ann" in (await ask(broker, "/")).text
            await killed_and_here_again(broker)
            assert "tests of ann" not in (await ask(broker, "/")).text
        assert not (broker.directory / "cluster" / "runs.sqlite").exists()

    broker.start(MAELSTROM_BROKER_RUNS_SIZE="0")
    trio.run(main)
