"""What a job finds around itself: namespaces, devices, file systems, all of its own."""

import os
import socket
from pathlib import Path

import pytest

from maelstrom_core.container.messages import NotStarted
from maelstrom_core.model.container import (
    Bind,
    Devices,
    Devpts,
    Limits,
    Mqueue,
    Network,
    Proc,
    Root,
    Sys,
    Tmp,
)

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


ROOTS = pytest.mark.parametrize(
    "root", [Root(), Root(writable=True)], ids=["read-only", "writable"]
)


@ROOTS
@pytest.mark.parametrize("around", [(), (Devices(),)], ids=["alone", "within devices"])
def test_terminals_and_queues_can_be_mounts_of_their_own(shell, root, around):
    mounts = (Proc(), *around, Devpts(), Mqueue(), Devpts(target="/t"), Mqueue(target="/q"))
    script = """
        stat -f -c %T /dev/pts /t
        ls /dev/pts /t
        touch /dev/mqueue/mine && cat /dev/mqueue/mine
        ls /q
    """
    seen = shell(script, mounts=mounts, root=root)
    lines = seen.out.splitlines()
    assert lines[:6] == ["devpts", "devpts", "/dev/pts:", "ptmx", "", "/t:"], seen.messages
    assert lines[6] == "ptmx"
    assert lines[7].startswith("QSIZE:0 ")
    # There is one set of queues for each container, wherever it is mounted.
    assert lines[8:] == ["mine"]
    assert shell("ls /dev/mqueue", mounts=mounts, root=root).out == ""


def test_a_device_that_the_host_lacks_is_left_out_and_said_to_be(shell):
    mounts = (Proc(), Devices(names=("null", "no-such-thing")))
    seen = shell("ls /dev", mounts=mounts)
    assert "null" in seen.out.split()
    assert "no-such-thing" not in seen.out
    assert "this host has no /dev/no-such-thing" in seen.last.degraded


def _fuse_can_be_opened() -> bool:
    return os.access("/dev/fuse", os.R_OK | os.W_OK)


@pytest.mark.skipif(not _fuse_can_be_opened(), reason="/dev/fuse is not there, or not for us")
def test_a_file_system_can_be_served_with_fuse(shell):
    # What the kernel asks first of whoever serves a file system: FUSE_INIT, which is 26.
    script = """
        exec 3<>/dev/fuse
        mkdir /mnt
        mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 mine /mnt || exit
        grep -c ' /mnt fuse' /proc/mounts
        dd bs=65536 count=1 <&3 2>/dev/null | od -A n -t u4 -j 4 -N 4
    """
    seen = shell(
        script,
        mounts=(Proc(), Devices(names=("fuse", "null"))),
        root=Root(writable=True),
        capabilities=("CAP_SYS_ADMIN",),
        seccomp=False,
    )
    assert seen.out.split() == ["1", "26"], seen.err


def test_fuse_is_no_device_unless_asked_for(shell):
    assert "fuse" not in shell("ls /dev").out.split()


@ROOTS
def test_mount_points_need_not_be_there_whatever_they_lie_in(shell, root, tmp_path):
    (tmp_path / "shown").write_text("shown")
    mounts = (
        Proc(),
        Devices(),
        Tmp(target="/tmp"),
        Tmp(target="/tmp/a/b", size_bytes=1 << 20),
        Tmp(target="/dev/c/d"),
        Mqueue(target="/dev/queues"),
        Bind(source=str(tmp_path / "shown"), target="/dev/e/file"),
        Bind(source=str(tmp_path), target="/tmp/a/b/c"),
    )
    script = (
        "echo x > /tmp/a/b/x; echo x > /dev/c/d/x; cat /dev/e/file /tmp/a/b/c/shown; ls /dev/queues"
    )
    seen = shell(script, mounts=mounts, root=root)
    assert (seen.out, seen.err, seen.code) == ("shownshown", "", 0)


@ROOTS
def test_a_mount_point_that_cannot_be_is_the_job_s_fault(shell, root):
    seen = shell("true", mounts=(Proc(), Tmp(target="/proc/mine")), root=root)
    assert isinstance(seen.last, NotStarted)
    assert (seen.last.whose, seen.last.remedy) == ("job", "mount it elsewhere")


@ROOTS
def test_with_the_local_network_sys_is_the_host_s_and_cannot_be_changed(shell, root):
    # A sysfs shows a network namespace, and the host's is not ours to mount one of.
    script = """
        ls /sys/class/net
        mkdir /sys/x 2>/dev/null || echo refused
        mount -o remount,rw /sys 2>/dev/null || echo refused
        umount /sys 2>/dev/null || echo refused
    """
    mounts = (Proc(), Sys())
    seen = shell(
        script,
        mounts=mounts,
        network=Network.LOCAL,
        root=root,
        capabilities=("CAP_SYS_ADMIN",),
        seccomp=False,
    )
    hosts = sorted(name for _, name in socket.if_nameindex())
    *names, made, again, away = seen.out.split()
    assert sorted(set(names) & set(hosts)) == hosts
    assert (made, again, away) == ("refused",) * 3
