"""The broker's program: settings, signals, and who else is there."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trio

from maelstrom_core.wire.administration import AskStatus
from maelstrom_core.wire.codec import encode
from maelstrom_core.wire.messages import Code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_says_goodbye_and_leaves_nothing(
    broker: Any, number: int, parties: Any, eventually: Any
) -> None:
    async def main() -> None:
        async with parties(broker) as around:
            worker, client = await around.worker(), await around.client()
            assert broker.process is not None
            broker.process.send_signal(number)
            await eventually(lambda: worker.byes and client.byes)
            assert [bye.code for bye in worker.byes + client.byes] == [Code.GOODBYE] * 2

    broker.start()
    trio.run(main)
    # Not told again: once it is about to end, a signal would end it at once.
    assert broker.process.wait(60) == 0
    assert not (broker.directory / "cluster/address").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(broker.serving()[-1], 0)


def test_it_ends_with_its_parent(broker: Any, eventually: Any) -> None:
    broker.start()
    assert broker.process is not None
    (serving,) = broker.serving()
    broker.process.kill()
    broker.process.wait()

    async def main() -> None:
        await eventually(lambda: not is_alive(serving))

    trio.run(main)
    assert "stopped" in broker.said()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_bad_messages_end_the_link_of_whoever_sends_them(
    broker: Any, parties: Any, eventually: Any
) -> None:
    async def main() -> None:
        async with parties(broker) as around:
            bystander = await around.client(7)
            bystander.jobs = range(10)
            for number, payload in enumerate((b"\xff", b"", encode(AskStatus()))):
                client = await around.client(number)
                if payload:
                    client.connector.send_nowait(payload)
                    await eventually(lambda: client.byes)  # noqa: B023
                    wanted = Code.ROLE if number == 2 else Code.PROTOCOL
                    assert client.byes[0].code == wanted
            await around.worker()
            bystander.welcomed()
            await eventually(lambda: len(bystander.results) == 10)

    broker.start()
    trio.run(main)


def test_a_second_broker_of_the_same_cluster_is_refused(broker: Any) -> None:
    broker.start()
    second = subprocess.run(broker.command(), capture_output=True, text=True, timeout=60)
    assert second.returncode == 71
    assert "another broker of the cluster" in second.stderr


def test_a_port_that_is_taken_is_said_so_and_not_tried_again(broker: Any, tmp_path: Path) -> None:
    address = broker.start()
    other = type(broker)(tmp_path / "other")
    found = subprocess.run(
        other.command("--listen", address), capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 71
    assert "is taken" in found.stderr
    assert "started again" not in found.stderr


@pytest.mark.parametrize("listen", ["nowhere:x", "127.0.0.1:99999", ""])
def test_unfit_addresses_are_refused(broker: Any, listen: str) -> None:
    found = subprocess.run(
        broker.command("--listen", listen), capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 4
    assert "listen" in found.stderr


def test_settings_are_shown(broker: Any) -> None:
    found = subprocess.run(
        broker.command("--listen", "0.0.0.0:21000", "--print-config"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert 'listen            = "0.0.0.0:21000"  # command line' in found.stdout
    assert found.returncode == 0
