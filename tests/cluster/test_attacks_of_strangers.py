"""What whoever has no key, or a wrong one, does to a broker that serves others."""

import select
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
import zmq

sys.path.insert(0, str(Path(__file__).parent))
from attack_scene import wait

from maelstrom_core.transport.keyring import Keyring
from maelstrom_core.transport.keys import new_key_pair
from maelstrom_core.wire.administration import Answer, Stop
from maelstrom_core.wire.codec import encode
from maelstrom_core.wire.messages import Beat, Bye, Code, Hello, Welcome

OPENING = b"\xff\0\0\0\0\0\0\0\1\x7f\3\1"
CURVE = OPENING + b"CURVE".ljust(20, b"\0") + bytes(32)


def is_cut(connection: socket.socket, seconds: float = 30) -> bool:
    """Whether the other side hangs up, whatever it says before."""
    connection.settimeout(seconds)
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


def ports(scene: Any) -> tuple[int, int]:
    return scene.cluster.port, scene.bulk_port


def comes_in(scene: Any, join: Any, port: int = 0) -> bool:
    """Whether somebody with these keys can say anything, within a while."""
    link = scene.link_of(join, port)
    return bool(link.socket.poll(700, zmq.POLLOUT))


@pytest.mark.parametrize("mechanism", ["NULL", "PLAIN"])
def test_no_keys(attacked: Any, mechanism: str) -> None:
    context: zmq.Context[Any] = zmq.Context()
    sockets = [context.socket(zmq.DEALER) for _ in range(10)]
    for number, one in enumerate(sockets):
        if mechanism == "PLAIN":
            one.plain_username, one.plain_password = b"admin", b"admin"
        one.connect(f"tcp://127.0.0.1:{ports(attacked)[number % 2]}")
        one.send(encode(Hello(1, 1, "none", attacked.session(), "none")), zmq.NOBLOCK)
        one.send(encode(Stop()), zmq.NOBLOCK)
    assert not any(one.poll(100) for one in sockets)
    context.destroy(linger=0)


def test_a_key_that_nobody_knows(attacked: Any) -> None:
    pair = new_key_pair()
    stranger = attrs.evolve(attacked.join("admin", "chief"), secret_key=pair.secret)
    for port in ports(attacked):
        assert not comes_in(attacked, stranger, port)
    assert pair.public in attacked.said(), "it is not written down"


def test_the_name_of_an_admin_with_the_key_of_a_client(attacked: Any) -> None:
    """Who somebody is comes with the key, whatever the join string says."""
    client = attacked.join("client", "mallory")
    chief = attacked.join("admin", "chief")
    link = attacked.link_of(attrs.evolve(chief, secret_key=client.secret_key))
    link.say(Hello(1, 1, "an attack", attacked.session(), "chief"))
    link.hear(Welcome)
    link.say(Stop())
    assert "client's" in link.bye().text


def test_the_keys_of_another_cluster(attacked: Any, tmp_path: Path) -> None:
    other = Keyring(tmp_path / "other")
    other.ensure()
    other.publish_address(f"127.0.0.1:{attacked.cluster.port}")
    for port in ports(attacked):
        assert not comes_in(attacked, other.local_join("admin"), port)


def test_a_key_that_was_revoked(attacked: Any) -> None:
    """What it says is not heard from then on, by connections that it has as well."""
    link = attacked.link("admin", "fired")
    link.greet(attacked.session())
    attacked.keyring.revoke("admin", "fired")
    end = time.monotonic() + 60
    while "a key was revoked" not in attacked.said():
        assert time.monotonic() < end
        select.select([], [], [], 0.05)
    link.say(Stop())
    link.hears_no(Answer)
    for port in ports(attacked):
        assert not comes_in(attacked, link.join, port)


def test_the_old_key_after_its_time(attacked: Any) -> None:
    """Old and new hold side by side, for the same sessions; then the old one is heard no more."""
    link = attacked.link("client", "moving")
    link.greet(attacked.session())
    pair = attacked.keyring.rotate("client", "moving", overlap=True)
    link.say(Beat(1))
    link.hear(Beat)
    new = attacked.link_of(attrs.evolve(link.join, secret_key=pair.secret))
    new.greet(link.session)
    assert link.hear(Bye).code == Code.REPLACED
    old = attacked.link("client", "moving")
    old.greet(attacked.session())
    attacked.keyring.finish("client", "moving")
    end, replies = time.monotonic() + 60, 1
    while replies:
        assert time.monotonic() < end
        old.say(Beat(2))
        replies = sum(isinstance(one, Beat) for one in old.answers(0.3))
    assert not comes_in(attacked, old.join)
    new.say(Beat(3))
    assert new.hear(Beat).sequence == 3


def test_what_was_recorded_is_played_again(attacked: Any) -> None:
    relay = attacked.relay()
    ann = attrs.evolve(attacked.join("client", "ann"), address=f"127.0.0.1:{relay.port}")
    link = attacked.link_of(ann)
    before = attacked.said().count("client came")
    link.greet(attacked.session())
    # It may be written down a moment after it was welcomed.
    wait(lambda: attacked.said().count("client came") > before, attacked.said)
    link.close()
    assert b"an attack" not in relay.record
    came = attacked.said().count("client came")
    for _ in range(5):
        connection = attacked.connection()
        with suppress(ConnectionError):
            connection.sendall(relay.record)
        assert is_cut(connection)
    assert attacked.said().count("client came") == came


def test_what_was_changed_on_its_way(attacked: Any) -> None:
    """Half of an order for the broker to stop, and whatever else a bit can change."""
    relay = attacked.relay()
    chief = attrs.evolve(attacked.join("admin", "chief"), address=f"127.0.0.1:{relay.port}")
    link = attacked.link_of(chief)
    link.greet(attacked.session())
    relay.change = lambda data: data[:-1] + bytes([data[-1] ^ 1])
    link.say(Beat(1))
    link.hears_no(Beat, Answer)


@pytest.mark.parametrize("size", [(1 << 20) + 100, 1 << 40, (1 << 63) - 1])
def test_an_oversized_frame_before_keys_are_exchanged(attacked: Any, size: int) -> None:
    for port in ports(attacked):
        connection = attacked.connection(port)
        with suppress(ConnectionError):
            connection.sendall(CURVE + b"\6" + size.to_bytes(8, "big") + bytes(1000))
        assert is_cut(connection)


def test_garbage(attacked: Any) -> None:
    """Other protocols, nothing, half a greeting, and noise."""
    noise = bytes(number * 89 % 251 for number in range(3000))
    said = (b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\3\1\2\0\1\0", b"\xff" * 64, noise)
    for port in ports(attacked):
        for data in (
            *said,
            OPENING,
            CURVE,
            CURVE + noise,
            CURVE + b"\4\5HELLO",
            CURVE + b"\0" * 99,
        ):
            with attacked.connection(port) as connection, suppress(ConnectionError):
                connection.sendall(data)


def test_slow_loris(attacked: Any) -> None:
    """Connections that say nothing, and such that say a byte now and then, are cut in time."""
    silent = [attacked.connection(port) for port in ports(attacked) for _ in range(150)]
    slow = [attacked.connection(port) for port in ports(attacked) for _ in range(5)]
    attacked.is_served()
    end = time.monotonic() + 60
    cut = 0
    for byte in CURVE.ljust(2000, b"\0"):
        cut = 0
        for one in slow:
            try:
                one.sendall(bytes([byte]))
            except OSError:
                cut += 1
        if cut == len(slow):
            break
        assert time.monotonic() < end
        select.select([], [], [], 0.05)
    assert cut == len(slow)
    assert all(is_cut(one) for one in silent)


def test_a_flood_of_connections(attacked: Any) -> None:
    """Two thousand that come and go at once, and the honest client meanwhile."""
    for round_ in range(4):
        made = [attacked.connection(port) for port in ports(attacked) for _ in range(250)]
        if round_ == 2:
            attacked.is_served()
        for one in made:
            one.close()


def test_a_flood_of_unknown_keys(attacked: Any) -> None:
    """Nor do its lines fill the disk: there are some, and a count of the others."""
    before = len(attacked.said())
    links = []
    for number in range(200):
        stranger = attrs.evolve(attacked.join("client", "x"), secret_key=new_key_pair().secret)
        links.append(attacked.link_of(stranger, ports(attacked)[number % 2]))
    attacked.is_served()
    assert not any(link.socket.poll(0, zmq.POLLOUT) for link in links)
    assert len(attacked.said()) - before < 200_000


def test_the_page_takes_no_orders(attacked: Any) -> None:
    """There is no request that changes anything, from whatever page it comes."""
    for request in (
        b"POST /stop HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\n\r\n",
        b"DELETE / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 50_000 + b"\r\n",
    ):
        with attacked.connection(attacked.web) as connection:
            with suppress(ConnectionError):
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
            connection.settimeout(30)
            answer = b""
            with suppress(ConnectionError):
                answer = connection.recv(4096)
            assert b" 101 " not in answer.partition(b"\r\n")[0]
            wanted = (b" 4", b" 5") if b"Upgrade" not in request else (b" 4", b" 200 ")
            assert not answer or any(one in answer.partition(b"\r\n")[0] for one in wanted), answer


def test_those_who_are_let_in_hear_nothing_of_strangers(attacked: Any) -> None:
    """A link that is up stays up while others are refused."""
    link = attacked.link("client", "ann")
    link.greet(attacked.session())
    for _ in range(20):
        stranger = attrs.evolve(link.join, secret_key=new_key_pair().secret)
        attacked.link_of(stranger)
    for number in range(5):
        link.say(Beat(number))
        assert link.hear(Beat).sequence == number
    link.hears_no(Bye, seconds=0.2)
