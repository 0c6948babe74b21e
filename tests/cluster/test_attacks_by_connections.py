"""Whoever holds one key opens connections without end; a broker has descriptors for few of them."""

import os
import resource
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

sys.path.insert(0, str(Path(__file__).parent))
from attack_scene import SECONDS, Scene

from maelstrom_core.wire.codec import encode
from maelstrom_core.wire.messages import Beat

DESCRIPTORS = 1200
WAVES, LINKS, AT_ONCE = 4, 900, 100
MOST = 750
"""Of the half that each of both links has: a third for the silent, half of the rest for one key; and all
others."""


@pytest.fixture
def enough_descriptors() -> Iterator[None]:
    """For our own ends of the connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4 * LINKS:
        pytest.skip(f"this process may have {hard} descriptors (ulimit -Hn), and needs {4 * LINKS}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def have_been_in(links: list[Any]) -> int:
    """Say something on three quarters of them, as they are let in; how many were.

    Some are cut before that.
    """
    waiting = list(enumerate(links))
    moment, end = time.monotonic() + 1, time.monotonic() + SECONDS
    while waiting and (time.monotonic() < moment or len(waiting) > len(links) / 2):
        assert time.monotonic() < end, f"{len(waiting)} were not let in"
        for number, link in list(waiting):
            if link.socket.poll(0, zmq.POLLOUT):
                waiting.remove((number, link))
                if number % 4:
                    link.socket.send(encode(Beat(1)), zmq.NOBLOCK)
        select.select([], [], [], 0.01)
    return len(links) - len(waiting)


def test_thousands_with_one_key(cluster: Any, free_port: int, enough_descriptors: None) -> None:
    """Others are served all along, new ones too, and so is whose key it was when it is over."""
    cluster.descriptors = DESCRIPTORS
    scene = Scene(cluster, free_port)
    descriptors = Path(f"/proc/{scene.pids['broker']}/fd")
    connected = 0
    for wave in range(WAVES):
        scene.before()
        with scene.weapons():
            ports, mallory = (0, scene.bulk_port), scene.join("client", "mallory")
            for _ in range(LINKS // AT_ONCE):
                links = [
                    scene.link_of(mallory, ports[n % 2], RECONNECT_IVL=-1) for n in range(AT_ONCE)
                ]
                connected += have_been_in(links)
                assert len(os.listdir(descriptors)) < MOST
            scene.is_served()
            scene.link("client", f"ann-{wave}").greet(scene.session())
        scene.after()
    assert connected >= WAVES * LINKS / 2
    with scene.weapons():
        scene.link("client", "mallory").greet(scene.session())
    scene.end()
