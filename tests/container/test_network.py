"""What jobs see of the network, and of one another's."""

import socket
import sys
import sysconfig
from pathlib import Path

import pytest

from maelstrom_core.model.container import Network

BIND = """
import socket, sys
with socket.socket() as server, socket.socket() as client:
    server.bind(("127.0.0.1", 80))
    server.listen()
    client.connect(("127.0.0.1", 80))
    connection, _ = server.accept()
    connection.close()
print("connected")
"""
ABSTRACT = "import socket, sys\ns = socket.socket(socket.AF_UNIX); s.connect('\\0' + sys.argv[1])"


@pytest.fixture
def python(run):
    """Run a script by this interpreter in a container that shows where it lives."""
    trees = {(path, path) for path in ("/usr", "/lib", "/lib64", "/bin") if Path(path).is_dir()}
    base = str(Path(sys.base_prefix).resolve())
    if not base.startswith("/usr"):
        trees.add((base, base))
    executable = Path(sysconfig.get_config_var("BINDIR"), Path(sys.executable).resolve().name)

    def run_script(script: str, *arguments: str, **fields):
        program = str(executable.resolve())
        return run(program, "-I", "-c", script, *arguments, trees=sorted(trees), **fields)

    return run_script


@pytest.mark.parametrize("fresh", [False, True], ids=["the slot's", "its own"])
def test_a_low_port_of_loopback_can_be_had_by_every_job(python, fresh):
    fields = {"network": Network.LOOPBACK, "fresh_network": fresh}
    # A fresh network belongs to the job's user, who has no capability for ports below 1024.
    script = BIND.replace("80", "8080") if fresh else BIND
    seen = python(script, **fields)
    assert (seen.out, seen.err) == ("connected\n", "")


def test_without_network_not_even_loopback_is_up(python):
    seen = python(BIND, network=Network.DISABLED)
    assert "Network is unreachable" in seen.err or "Cannot assign" in seen.err


def test_no_interface_of_the_host_is_seen_unless_asked_for(shell):
    def names(seen) -> set[str]:
        return {line.partition(":")[0].strip() for line in seen.out.splitlines() if ":" in line}

    assert names(shell("cat /proc/net/dev", network=Network.LOOPBACK)) <= {"lo", "sit0", "ip6tnl0"}
    hosts = {name for _, name in socket.if_nameindex()}
    assert names(shell("cat /proc/net/dev", network=Network.LOCAL)) == hosts


def test_a_server_of_the_host_is_reached_with_the_local_network_alone(python):
    script = "import socket, sys\nsocket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert python(script, port, network=Network.LOCAL).code == 0
        assert "refused" in python(script, port, network=Network.LOOPBACK).err


def test_abstract_sockets_of_the_host_are_out_of_reach(python):
    name = f"maelstrom-test-{id(python)}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0" + name)
        server.listen()
        assert python(ABSTRACT, name, network=Network.LOCAL).code == 0
        assert "refused" in python(ABSTRACT, name, network=Network.LOOPBACK).err
