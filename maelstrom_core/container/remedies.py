"""Errno and step → likely cause, whose fault, what to do. Pure.

Each host that is known to refuse containers does so at a step of its own, which gives it away.
"""

import errno as e
import os

import attrs


@attrs.frozen
class Explanation:
    """What a failure means.

    :param whose: ``job``, ``host`` or ``us``
    :param cause: likely cause, a fragment
    :param remedy: what to do next; empty if there is nothing
    """

    whose: str
    cause: str
    remedy: str = ""


_NAMESPACE_CALLS = ("unshare", "clone3", "setns")
_USER_NAMESPACES_OFF = (
    "allow user namespaces: sudo sysctl user.max_user_namespaces=15000 (Debian's older kernels: "
    "kernel.unprivileged_userns_clone=1); inside Docker: --security-opt seccomp=unconfined; "
    "in a chroot none can be made: run outside of it"
)
_APPARMOR = (
    "Ubuntu 23.10 and later: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an "
    "AppArmor profile for this interpreter that allows userns"
)
_GROUPS = (
    "give your user a range in /etc/subgid (sudo usermod --add-subgids 100000-165535 USER) and "
    "install newgidmap (package uidmap or shadow-utils), or run as root; or name the one group that is "
    "needed as group"
)
_MASKED = (
    "inside Docker or Podman: --security-opt systempaths=unconfined, so that /proc and /sys are "
    "whole; Kubernetes: procMount: Unmasked"
)
_FILTERED = (
    "inside Docker or Podman: --security-opt seccomp=unconfined; Kubernetes: "
    "seccompProfile: {type: Unconfined}"
)
_PROGRAM = {
    e.ENOENT: ("no such program in the container", "check its name and the container's PATH"),
    e.ENOTDIR: ("no such program in the container", "check its name and the container's PATH"),
    e.EACCES: ("it may not be executed", "check its permissions and those of its directories"),
    e.ENOEXEC: ("it is no program for this machine", "check its first line, or how it was built"),
    e.E2BIG: ("its arguments and environment are too large", "pass fewer, or in a file"),
    e.ETXTBSY: ("somebody is writing to it", "try again when it is written"),
}


def explain(call: str, number: int, purpose: str) -> Explanation:
    """What the failure of a step means.

    :param call: name of the system call
    :param number: its errno
    :param purpose: what the step was for, in words
    """
    if call in ("execve", "execveat") and purpose == "start the program":
        cause, remedy = _PROGRAM.get(number, (os.strerror(number), ""))
        return Explanation("job", cause, remedy)
    if call == "chdir" and "working directory" in purpose:
        return Explanation(
            "job", f"{os.strerror(number)} in the container", "name one that is there"
        )
    if call == "open_tree" and number in (e.ENOENT, e.ENOTDIR, e.EACCES):
        source = purpose.removeprefix("open ")
        return Explanation("job", f"{source}: {os.strerror(number)}", "name one that is there")
    if call == "move_mount" and number == e.ENOENT:
        return Explanation(
            "job", "its mount point is not there and lies in a read-only tree", "mount it elsewhere"
        )
    if call == "mount" and number == e.ENOENT and purpose.startswith("mount /"):
        cause = "its mount point is not there, and what is mounted above it can have none"
        return Explanation("job", cause, "mount it elsewhere")
    if call == "setgroups":
        return Explanation("host", "it has no more than one group id for a container", _GROUPS)
    return _host(call, number, purpose)


def _host(call: str, number: int, purpose: str) -> Explanation:
    if number in (e.ENOSPC,) and call in _NAMESPACE_CALLS:
        cause = "the host allows no more namespaces of this kind"
        return Explanation("host", cause, _USER_NAMESPACES_OFF)
    if number in (e.EPERM, e.ENOSYS) and call in _NAMESPACE_CALLS:
        cause = "the host does not let ordinary processes make user namespaces"
        return Explanation("host", cause, f"{_USER_NAMESPACES_OFF}; {_APPARMOR}")
    if "map" in purpose and number in (e.EPERM, e.EACCES):
        return Explanation("host", "a security module forbids user namespaces", _APPARMOR)
    if call == "mount" and number in (e.EPERM, e.EACCES):
        if "/proc" in purpose or "/sys" in purpose or "proc" in purpose:
            return Explanation("host", "parts of the host's /proc or /sys are masked", _MASKED)
        cause = "the host forbids mounts in user namespaces"
        return Explanation("host", cause, _APPARMOR)
    if call == "sethostname" and number == e.EPERM:
        return Explanation("host", "a filter of system calls forbids it", _FILTERED)
    if call == "mount" and "root" in purpose and number == e.EINVAL:
        cause = "overlays cannot be stacked so deep, or not on this file system"
        remedy = "put the store on an ordinary file system: MAELSTROM_STORE=/a/directory"
        return Explanation("host", cause, remedy)
    if number == e.ENOSYS:
        return Explanation("host", f"the kernel has no {call}", "Linux 5.12 or later is needed")
    if number in (e.EMFILE, e.ENFILE):
        return Explanation("host", "too many open files", "raise the limit: ulimit -n 65536")
    if number in (e.ENOMEM, e.EAGAIN):
        remedy = "use fewer slots, or give the host more memory or processes (ulimit -u)"
        return Explanation("host", os.strerror(number), remedy)
    if number in (e.EFAULT, e.EBADF, e.EINVAL):
        remedy = "please report it, with what `maelstrom doctor` says"
        return Explanation("us", os.strerror(number), remedy)
    return Explanation(
        "host", os.strerror(number), "`maelstrom doctor` tells what this host allows"
    )
