"""A job has no privilege, can gain none, and cannot undo what guards the host from it."""

import os
from pathlib import Path

import attrs
import pytest

from maelstrom_core.container.facts import slot_facts
from maelstrom_core.container.group_ids import spare
from maelstrom_core.model.container import Bind, Devices, Proc, Root, Tmp
from maelstrom_core.model.outcome import InputFailed

ROOTS = [Root(), Root(writable=True)]


def status(shell, **fields):
    lines = shell("cat /proc/self/status", **fields).out.splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


@pytest.mark.parametrize("root", ROOTS, ids=["read-only", "writable"])
def test_a_job_has_no_capability_and_can_gain_none(shell, root):
    seen = status(shell, root=root)
    sets = {name: int(seen[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
    assert sets == {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapAmb": 0}
    assert seen["NoNewPrivs"] == "1"


def test_system_calls_are_filtered_unless_that_is_switched_off(shell):
    assert status(shell)["Seccomp"] == "2"
    outside = Path("/proc/self/status").read_text().partition("Seccomp:\t")[2][0]
    assert status(shell, seccomp=False)["Seccomp"] == outside


def test_capabilities_that_are_asked_for_are_kept_alone(shell):
    seen = status(shell, capabilities=("CAP_NET_ADMIN",))
    assert int(seen["CapEff"], 16) == 1 << 12


@pytest.mark.parametrize("root", ROOTS, ids=["read-only", "writable"])
@pytest.mark.parametrize(
    "command",
    [
        "echo x > /proc/sys/kernel/core_pattern",
        "echo x > /proc/sys/vm/overcommit_memory",
        "echo 100 > /proc/sys/kernel/pid_max",
        "mount -o remount,bind,rw /usr",
        "mount -o remount,bind,rw /proc/sys",
        "umount /proc/sys",
        "umount -l /proc",
        "umount /dev",
        "mount -t tmpfs none /mnt",
    ],
)
def test_what_guards_the_host_cannot_be_undone(shell, root, command):
    seen = shell(f"{command} 2>/dev/null || echo refused", root=root)
    assert seen.out == "refused\n"


def test_the_hosts_tunables_are_the_hosts_after_jobs_tried_to_write_them(shell):
    tunable = Path("/proc/sys/vm/swappiness")
    before = tunable.read_text()
    shell("for one in /proc/sys/vm/*; do echo 7 > $one; done")
    assert tunable.read_text() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="to anybody but the real root they are closed anyhow")
@pytest.mark.parametrize("root", ROOTS, ids=["read-only", "writable"])
def test_what_the_real_root_could_read_of_others_is_empty(shell, root):
    masked = [name for name in slot_facts().masked if name in ("keys", "timer_list")]
    assert masked, "this kernel has neither; choose others"
    for name in masked:
        assert shell(f"cat /proc/{name}", root=root).out == ""


def test_guards_of_proc_need_no_devices_in_the_container(shell):
    seen = shell("cat /proc/keys; echo x > /proc/sys/kernel/core_pattern", mounts=(Proc(),))
    owners = {line.split()[5] for line in seen.out.splitlines()}
    # An ordinary user who has logged in has keys of his own to see; the real root sees nobody's.
    assert owners <= (set() if os.geteuid() == 0 else {"0"})


def test_privileges_do_not_come_back_in_a_user_namespace_of_its_own(shell):
    command = "unshare -Ur mount -o remount,bind,rw /usr 2>/dev/null || echo refused"
    assert shell(command).out == "refused\n"
    command = "unshare -Ur sh -c 'echo x > /proc/sys/kernel/core_pattern' 2>/dev/null"
    assert shell(f"{command} || echo refused").out == "refused\n"


def test_a_setuid_program_gains_nothing(shell):
    seen = shell(
        "cp /usr/bin/id /tmp/id; chmod u+s /tmp/id; /tmp/id -u",
        user=1234,
    )
    assert seen.out == "1234\n"


def test_the_slots_own_proc_is_out_of_reach(shell):
    seen = shell("ls /proc/p /proc/g 2>/dev/null; ls /proc | grep -c '^[0-9]'")
    assert int(seen.out) <= 6, "more processes than the job's own are seen"


def test_a_bind_below_a_fresh_mount_is_shown_in_a_read_only_root(shell, tmp_path):
    (tmp_path / "shown").write_text("it\n")
    bind = Bind(source=str(tmp_path / "shown"), target="/tmp/below/shown")
    seen = shell(
        "cat /tmp/below/shown; echo x > /tmp/below/shown || echo refused",
        mounts=(Proc(), Tmp(target="/tmp"), bind),
    )
    assert seen.out == "it\nrefused\n"


SEVERAL = pytest.mark.skipif(
    spare()[1] < 3, reason="this host has no group ids to spare for this user (subgid, newgidmap)"
)


@SEVERAL
@pytest.mark.parametrize("root", ROOTS, ids=["read-only", "writable"])
@pytest.mark.parametrize("init", [True, False], ids=["init", "no-init"])
def test_processes_are_in_the_groups_that_are_asked_for_and_in_no_other(shell, root, init):
    fields = {"user": 1000, "group": 1000, "supplementary_groups": (27, 4, 1000), "init": init}
    seen = shell("id -u; id -g; id -G; cat /proc/self/gid_map", root=root, **fields)
    user, group, groups, *mapped = seen.out.splitlines()
    assert (user, group) == ("1000", "1000")
    assert sorted(groups.split()) == ["1000", "27", "4"]
    assert [line.split()[0] for line in mapped] == ["1000", "27", "4"]


@SEVERAL
def test_one_slot_runs_jobs_with_supplementary_groups_and_without(
    results_of, python_container, job
):
    plain = attrs.evolve(python_container, template=None)
    containers = [plain, attrs.evolve(plain, supplementary_groups=(5, 6))] * 2
    code = "import os; print(*os.getgroups())"
    jobs = [job(container, code, forked=False) for container in containers]
    found = [result.stdout.head.decode().split() for result in results_of(jobs, slots=1)]
    assert found[1] == found[3] == ["5", "6"]
    assert "5" not in found[0] + found[2]


@SEVERAL
def test_what_holds_for_other_jobs_holds_for_those_in_groups(shell):
    fields = status(shell, supplementary_groups=(5, 6))
    assert {fields[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"


@SEVERAL
@pytest.mark.skipif(os.geteuid() != 0, reason="only the real root can give files away")
def test_a_group_of_the_host_is_not_that_of_its_number_inside(shell, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    os.chown(secret, 1, 27)
    secret.chmod(0o040)
    mounts = (Proc(), Devices(), Bind(source=str(secret), target="/secret"))
    seen = shell("id -G; cat /secret", mounts=mounts, user=7, supplementary_groups=(27,))
    assert "27" in seen.out.split()
    assert "Permission denied" in seen.err


def test_a_fork_of_a_template_is_refused_other_groups(results_of, python_container, job):
    container = attrs.evolve(python_container, supplementary_groups=(5,))
    (result,) = results_of([job(container, "pass", forked=True)])
    assert isinstance(result.outcome, InputFailed)
    assert "forks of a template are in no group but their own" in result.outcome.faults[0]
