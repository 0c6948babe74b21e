"""The broker's page: real requests to a real broker, and names as hostile as can be."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, str(Path(__file__).parent))
from page_scene import HOSTILE, PagedBroker, ask, peers_of, until

from maelstrom_core.wire.rows import Ending


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[PagedBroker]:
    one = PagedBroker(tmp_path)
    yield one
    one.close()


def values(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Metrics, as Prometheus's own reader finds them."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_nothing_of_it_is_there_unless_it_is_asked_for(broker: PagedBroker) -> None:
    broker.start("--log-level", "info")
    assert not any("page" in line for line in broker.lines)
    assert "page" not in broker.said()
    program = (
        "import sys, maelstrom_broker.cli, maelstrom_broker.serving\n"
        "print([name for name in sys.modules if name == 'h11' or 'maelstrom_broker.web' in name])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_the_page_and_the_metrics_show_what_there_is(broker: PagedBroker) -> None:
    async def main() -> None:
        async with peers_of(broker) as peers:
            worker = await peers.add("worker", "rack7", slots=4, labels=("gpu", "large"))
            client = await peers.add("client", "tests of ann")
            client.submit(range(10))
            await until(lambda: len(worker.given) == 4)
            worker.end(2)
            await until(lambda: len(worker.given) == 4)
            client.submit(range(20, 22), slots=9)
            await trio.sleep(4)  # until what nobody can run is refused

            page = (await ask(broker, "/")).text
            for words in ("rack7", "tests of ann", ">gpu<", "4 of 4", "all slots are taken"):
                assert words in page
            assert "it takes 9 slots, and the largest worker has 4" in page
            assert page.count("<svg viewBox") in (3, 6), "the day's are there after the next sample"
            sections = re.findall(r'<section id="\w+">', page)
            assert len(sections) == 10
            assert re.findall(r'<section id="\w+">', (await ask(broker, "/live")).text) == sections

            status = json.loads((await ask(broker, "/api/status")).text)
            assert status["totals"]["ran"] == 2
            assert status["totals"]["refused"] == 2
            assert status["totals"]["used"] == 4
            assert status["history"][-1][1:] in ([0, 0, 0], [4, 4, 2], [4, 4, 4])

            found = values((await ask(broker, "/metrics")).text)
            assert found["maelstrom_jobs_ended_total", ("ran",)] == 2
            assert found["maelstrom_jobs_ended_total", ("refused",)] == 2
            assert found["maelstrom_slots_used", ()] == 4
            assert found["maelstrom_jobs_queued", ()] == 4
            assert found["maelstrom_attempts_total", ()] == 6
            assert found["maelstrom_workers", ("ready",)] == 1
            assert found["maelstrom_links_refused_total", ()] == 0
            assert abs(found["maelstrom_broker_start_time_seconds", ()] - time.time()) < 60

            client.end_wrongly()
            await trio.sleep(1.5)
            found = values((await ask(broker, "/metrics")).text)
            assert found["maelstrom_links_refused_total", ()] == 1

    broker.start()
    assert broker.lines[0] == f"page at http://127.0.0.1:{broker.port}/\n"
    trio.run(main)


def test_cases_their_stories_and_output_are_for_those_who_have_the_token(
    broker: PagedBroker,
) -> None:
    async def main() -> None:
        token = {"Authorization": f"Bearer {broker.token}"}
        async with peers_of(broker) as peers:
            worker = await peers.add("worker", "rack7", slots=2)
            client = await peers.add("client", "tests of ann")
            client.submit(range(3), name="tests/test_a.py::test_secret")
            await until(lambda: len(worker.given) == 2)
            worker.begin()
            worker.end(1, told=("exited with status 3", b"the password is 17\n"))
            await until(lambda: len(worker.given) == 2)

            session = client.hello.session.hex()
            run, case = f"/run?session={session}", f"/case?session={session}&job=0"
            for path in ("/", "/live", "/api/status", "/metrics"):
                said = await ask(broker, path)
                assert said.status == 200
                assert "test_secret" not in said.text
                assert session not in said.text or path == "/api/status"
            for path in (run, case, run.replace("/", "/live/"), case.replace("/", "/live/")):
                said = await ask(broker, path)
                assert said.status == 401
                assert "secret" not in said.text
            assert "open the link with" in (await ask(broker, "/")).text

            page = (await ask(broker, "/", **token)).text
            assert "tests/test_a.py::test_secret 1</bdi>" in page
            assert f'<a href="{run}">' in page
            said = await ask(broker, run, **token)
            assert said.status == 200
            for words in ("Run of", "test_secret 0", "exited with status 3", "Where time went"):
                assert words in said.text
            assert f'data-live="/live{run}"' in said.text
            assert "password" not in said.text
            said = await ask(broker, case, **token)
            for words in ("handed in by tests of ann", "given to rack7", "the password is 17"):
                assert words in said.text
            live = (await ask(broker, case.replace("/", "/live/"), **token)).text
            assert "<html" not in live
            assert re.findall('id="(\\w+)"', live) == ["head", "time", "story", "output"]

            for path in (f"/run?session={'00' * 16}", "/run", case.replace("job=0", "job=77")):
                said = await ask(broker, path, **token)
                assert said.status == 404
                assert "There is nothing of it" in said.text
            client.leave()
            await until(lambda: "History" in broker.get("/", **token).text)
            assert (await ask(broker, run, **token)).status == 200
        assert "Traceback" not in broker.said()
        assert "page failed" not in broker.said()

    broker.start()
    trio.run(main)


def test_names_do_no_harm(broker: PagedBroker) -> None:
    async def main() -> None:
        async with peers_of(broker) as peers:
            labels = (HOSTILE, "x" * 255)
            worker = await peers.add("worker", HOSTILE, slots=1, labels=labels)
            client = await peers.add("client", HOSTILE)
            client.submit(range(1), labels=(HOSTILE,), name=HOSTILE)
            client.submit(range(1, 2), slots=2, labels=(HOSTILE,), name=HOSTILE)
            await until(lambda: worker.given)
            worker.end(1, told=(HOSTILE, HOSTILE.encode() + b"</pre>\x1b]0;owned\x07\xff\0"))
            client.submit(range(2, 3), labels=(HOSTILE,), name=HOSTILE)
            await until(lambda: worker.given)
            worker.end(1, Ending.UNFIT, HOSTILE.encode())
            await trio.sleep(4)
            session = client.hello.session.hex()
            paths = ["/", f"/run?session={session}"]
            paths += [f"/case?session={session}&job={tag}" for tag in range(3)]
            for path in paths:
                page = (await ask(broker, path, Authorization=f"Bearer {broker.token}")).text
                assert page.count("<script") == 1, path
                assert "<img" not in page
                assert "&lt;script&gt;" in page
                assert page.count("</pre>") == page.count("<pre"), path
                assert "\x1b" not in page
            page = (await ask(broker, "/")).text
            assert "&lt;script&gt;document.title=&#x27;owned&#x27;&lt;/script&gt;&quot;" in page
            assert "x" * 60 not in re.sub(r'title="[^"]*"', "", page)

            text = (await ask(broker, "/metrics")).text
            (worker_named,) = {
                key[1][0] for key in values(text) if key[0] == "maelstrom_worker_slots"
            }
            assert worker_named.startswith("<script>document.title='owned'</script>\"'>")

    broker.start()
    trio.run(main)


def test_what_comes_with_every_answer(broker: PagedBroker) -> None:
    broker.start()
    for path, status in (
        *((path, 200) for path in ("/", "/live", "/api/status", "/metrics")),
        *((path, 200) for path in ("/page.css", "/page.js", "/icon.svg")),
        *((path, 401) for path in ("/run", "/live/run", "/case", "/live/case")),
        ("/no", 404),
    ):
        said = broker.get(path)
        assert said.status == status
        assert "default-src 'none'" in said.headers["content-security-policy"]
        assert "unsafe" not in said.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in said.headers["content-security-policy"]
        assert said.headers["x-content-type-options"] == "nosniff"
        assert said.headers["x-frame-options"] == "DENY"
        assert said.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in said.headers
        assert int(said.headers["content-length"]) == len(said.text.encode())
        head = broker.get(path, "HEAD")
        assert head.status == said.status
        assert head.text == ""
    assert "style=" not in broker.get("/").text, "what the policy forbids"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("127.0.0.1:99", 200),
        ("[::1]:80", 200),
        ("LocalHost.:1", 200),
        ("named.example", 200),
        ("rebound.example", 421),
        ("localhost.rebound.example", 421),
        ("127.0.0.1.rebound.example", 421),
        ("", 421),
        ("a b", 421),
        ("localhost@rebound.example", 421),
    ],
)
def test_a_name_that_leads_here_is_not_enough(
    broker: PagedBroker, host: str, status: int, request: Any
) -> None:
    broker.start(
        "--web", str(broker.port), MAELSTROM_BROKER_WEB_NAMES="named.example,other.example"
    )
    assert broker.get("/", Host=host).status == status


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405),
        (b"DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", 413),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: other.example\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"b" * 40_000 + b"\r\n\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600), 400),
        (
            b"GET http://rebound.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            404,
        ),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        (b"GET /\xff\x00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400),
    ],
)
def test_bad_requests(broker: PagedBroker, data: bytes, status: int) -> None:
    broker.start()
    answer = broker.raw(data)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:300]
    assert broker.get("/").status == 200
    assert "Traceback" not in broker.said()
    assert "page failed" not in broker.said()


def test_one_connection_serves_many_requests(broker: PagedBroker) -> None:
    broker.start()
    one = b"GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert broker.raw(one * 20 + last).count(b"HTTP/1.1 200") == 21


def test_those_who_say_nothing_take_nobody_s_place_for_long(broker: PagedBroker) -> None:
    broker.start()
    idle = [socket.create_connection(("127.0.0.1", broker.port)) for _ in range(100)]
    try:
        began = time.monotonic()
        assert broker.get("/").status == 200
        assert time.monotonic() - began < 15
        assert len(os.listdir(f"/proc/{broker.serving()}/fd")) < 150
        idle[0].settimeout(20)
        assert idle[0].recv(1) == b""
    finally:
        for one in idle:
            one.close()
    assert "page failed" not in broker.said()
