"""Where the broker's page is, and for whom: tokens, places that are taken, and who never reads."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from page_scene import PagedBroker, Said


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[PagedBroker]:
    one = PagedBroker(tmp_path)
    yield one
    one.close()


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
