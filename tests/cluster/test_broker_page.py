"""The broker's page: real requests to a real broker, and names as hostile as can be."""

import json
import os
import re
import signal
import socket
import stat
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
from page_scene import PagedBroker, Said, ask, peers_of, until


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
            assert found["maelstrom_jobs_failed_total", ()] == 2
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


def test_a_page_that_is_not_for_this_machine_alone_wants_a_token(broker: PagedBroker) -> None:
    broker.start("--web", f"0.0.0.0:{broker.port}")
    file = broker.directory / "cluster" / "web-token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    token = file.read_text().strip()
    assert len(token) == 43
    assert broker.lines[0].endswith(f", whose token is in {file}\n")
    assert token not in broker.said()
    assert token not in "".join(broker.lines), "logs are read by many"

    for path in (
        "/",
        "/live",
        "/api/status",
        "/metrics",
        "/page.js",
        "/no",
        "/metrics?token=" + token,
    ):
        said = broker.get(path)
        assert said.status == 401, path
        assert "uptime" not in said.text
    assert broker.get(f"/?token={token[:-1]}").status == 403
    assert broker.get("/?token=").status == 403
    said = broker.get(f"/?token={token}")
    assert (said.status, said.headers["location"], said.text) == (303, "/", "")
    cookie, *rest = said.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(rest)
    assert broker.get("/", Cookie=f"other=1; {cookie}").status == 200
    assert broker.get("/live", Cookie=cookie.replace(token, "x" * 43)).status == 401
    assert broker.get("/metrics", Authorization=f"Bearer {token}").status == 200
    assert broker.get("/metrics", Authorization="Bearer \xff").status == 401


def test_the_token_stays(broker: PagedBroker) -> None:
    arguments = ("--web", str(broker.port))
    broker.start(*arguments, MAELSTROM_BROKER_WEB_TOKEN="always")
    file = broker.directory / "cluster" / "web-token"
    token = file.read_text().strip()
    os.kill(broker.serving(), signal.SIGKILL)

    def answers() -> Said | None:
        try:
            return broker.get("/metrics", Authorization=f"Bearer {token}")
        except OSError:
            return None

    end = time.monotonic() + 20
    while (said := answers()) is None:
        assert time.monotonic() < end, broker.said()
    assert said.status == 200
    assert broker.get("/").status == 401


def test_a_token_that_others_can_read_is_refused(broker: PagedBroker) -> None:
    (broker.directory / "cluster").mkdir(mode=0o700)
    file = broker.directory / "cluster" / "web-token"
    file.write_text("short\n")
    file.chmod(0o644)
    command = broker.command("--web", f"0.0.0.0:{broker.port}")
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 4
    assert "others can read it" in done.stderr
    assert "is not 32 to 200 letters" in done.stderr
    assert f"remove {file}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_place_that_is_taken(broker: PagedBroker) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = broker.command("--web", f"127.0.0.1:{port}")
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 71
    assert f"cannot listen at 127.0.0.1:{port} for the page" in done.stderr
    assert "--web off" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_place_that_is_none(broker: PagedBroker) -> None:
    command = broker.command("--web", "here")
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 4
    assert "web: 'here' must be HOST:PORT" in done.stderr


def test_what_is_not_installed_is_named(broker: PagedBroker) -> None:
    arguments = broker.command("--web", str(broker.port))[3:]
    program = (
        "import sys\nsys.modules['h11'] = None\nfrom maelstrom_broker.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 71
    assert "the broker's page needs h11, which is not installed" in done.stderr
    assert "pip install 'pytest-maelstrom[web]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.nightly
def test_those_who_do_not_read_are_let_go(broker: PagedBroker) -> None:
    broker.start()
    before = len(os.listdir(f"/proc/{broker.serving()}/fd"))
    asked = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20_000
    deaf = [socket.create_connection(("127.0.0.1", broker.port)) for _ in range(3)]
    try:
        for one in deaf:
            one.setblocking(False)
            one.send(asked)
        end = time.monotonic() + 90
        while len(os.listdir(f"/proc/{broker.serving()}/fd")) > before:
            assert time.monotonic() < end, "they are served for ever"
            assert broker.get("/metrics").status == 200
            time.sleep(0.5)
    finally:
        for one in deaf:
            one.close()
    assert "page failed" not in broker.said()
