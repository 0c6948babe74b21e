"""Tests that get into each other's way on one machine, and do not in containers of their own."""

import socket
import time
from pathlib import Path

import pytest


@pytest.mark.parametrize("turn", range(4))
def test_every_test_has_the_port_for_itself(turn):
    with socket.create_server(("127.0.0.1", 8080)):
        time.sleep(0.2)


@pytest.mark.parametrize("turn", range(4))
def test_every_test_finds_tmp_as_it_should_be(turn):
    note = Path("/tmp/shopping-list")
    assert not note.exists()
    note.write_text("milk")


def test_sums_are_still_sums():
    assert sum([1, 2, 3]) == 6
