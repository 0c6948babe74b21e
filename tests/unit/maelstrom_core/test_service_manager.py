"""What a service manager is told, over a socket of its kind."""

import os
import socket
from pathlib import Path

import pytest

from maelstrom_core.service_manager import tell_manager


def heard(address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address.replace("@", "\0"))
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        tell_manager("READY=1", "STATUS=joined\nREADY=0")
        return manager.recv(1000).decode()


def test_it_is_told_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert heard(f"{tmp_path}/notify", monkeypatch) == "READY=1\nSTATUS=joined READY=0"


def test_a_socket_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert heard(f"@maelstrom-test-{os.getpid()}", monkeypatch).startswith("READY=1\n")


@pytest.mark.parametrize("address", ["", "vsock-stream:2:1", "/nobody/listens", "/" + "x" * 200])
def test_nobody_to_tell_is_no_fault(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    tell_manager("READY=1")
    monkeypatch.delenv("NOTIFY_SOCKET")
    tell_manager("READY=1")


def test_a_manager_that_does_not_read_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"{tmp_path}/notify")
        monkeypatch.setenv("NOTIFY_SOCKET", f"{tmp_path}/notify")
        for _ in range(2000):  # more than its queue holds
            tell_manager("STATUS=" + "x" * 1000)
