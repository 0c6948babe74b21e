"""What a job finds around itself: namespaces, devices, file systems, all of its own."""

import os
from pathlib import Path

import pytest

from maelstrom_core.model.container import Devices, Limits, Network, Root, Sys, Tmp

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


@pytest.mark.parametrize("network", [Network.DISABLED, Network.LOOPBACK])
@pytest.mark.parametrize("root", [Root(), Root(writable=True)], ids=["read-only", "writable"])
def test_every_namespace_is_its_own(shell, network, root):
    script = f"for one in {' '.join(NAMESPACES)}; do readlink /proc/self/ns/$one; done"
    seen = shell(script, network=network, root=root)
    inside = dict(zip(NAMESPACES, seen.out.split(), strict=True))
    outside = {name: os.readlink(f"/proc/self/ns/{name}") for name in NAMESPACES}
    assert {name for name in NAMESPACES if inside[name] == outside[name]} == set()


def test_only_the_network_is_the_hosts_if_that_is_asked_for(shell):
    seen = shell("readlink /proc/self/ns/net", network=Network.LOCAL)
    assert seen.out.strip() == os.readlink("/proc/self/ns/net")


def test_devices_are_the_harmless_ones_and_work(shell):
    names = {*Devices().names, "fd", "stdin", "stdout", "stderr", "ptmx", "pts", "shm", "mqueue"}
    assert set(shell("ls /dev").out.split()) == names
    seen = shell("head -c 3 /dev/zero | wc -c; echo x > /dev/null; echo x > /dev/full; echo $?")
    assert seen.out.split()[0] == "3"
    assert seen.out.split()[1] != "0"


def test_no_device_can_be_made(shell):
    seen = shell("mknod /tmp/null c 1 3 2>/dev/null || echo refused")
    assert seen.out == "refused\n"


def test_shared_memory_terminals_and_queues_are_fresh(shell, request):
    held = Path("/dev/shm", f"maelstrom-test-{os.getpid()}")
    held.write_text("the host's")
    request.addfinalizer(held.unlink)
    seen = shell("ls -A /dev/shm /dev/mqueue; ls /dev/pts; stat -f -c %T /dev/shm /dev/pts")
    assert held.name not in seen.out
    assert seen.out.split() == ["/dev/mqueue:", "/dev/shm:", "ptmx", "tmpfs", "devpts"]


def test_the_size_of_shared_memory_is_limited(shell):
    mounts = (Devices(shm_bytes=1 << 20),)
    assert (
        "full" in shell("head -c 2000000 /dev/zero > /dev/shm/big || echo full", mounts=mounts).out
    )


def test_a_read_only_root_refuses_and_its_tmp_does_not(shell):
    seen = shell("echo x > /x || echo refused; echo x > /tmp/x && cat /tmp/x")
    assert seen.out == "refused\nx\n"


def test_a_writable_root_leaves_the_layer_as_it_was(shell, lower):
    before = (lower / "true").read_bytes()
    seen = shell("echo x > /true && rm -r /usr/nothing /true; ls /", root=Root(writable=True))
    assert "true" not in seen.out.split()
    assert (lower / "true").read_bytes() == before
    assert os.listdir(lower) == ["true"]


def test_sysfs_is_read_only(shell):
    seen = shell("ls /sys/kernel > /dev/null && mkdir /sys/x || echo refused", mounts=(Sys(),))
    assert seen.out == "refused\n"


def test_a_limit_of_memory_holds(shell):
    limits = Limits(memory_bytes=64 << 20)
    seen = shell("head -c 200000000 /dev/zero | tail -n 1 > /dev/null", limits=limits)
    assert "exhausted" in seen.err or "allocate" in seen.err or seen.code != 0


def test_a_job_that_uses_too_much_cpu_is_ended(shell):
    seen = shell("while :; do :; done", limits=Limits(cpu_seconds=1))
    assert seen.code < 0


def test_tmp_has_the_mode_that_everybody_expects(shell):
    assert shell("stat -c %a /tmp", mounts=(Tmp(target="/tmp"),)).out.strip() == "1777"
