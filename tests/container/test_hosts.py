"""Hosts that refuse containers, each imitated by what really makes it refuse: `doctor` and a test
run say what is missing, whose doing it is and what to do, and never show a traceback."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

REFUSE_BY_FILTER = """
import errno, os, sys
from struct import pack
from maelstrom_core.container import child, flags as k, syscalls
from maelstrom_core.container.script import Program, Step, Table

numbers = syscalls.NUMBERS[os.uname().machine]
LOAD, EQUAL, RETURN, ALLOW, ERRNO = 0x20, 0x15, 0x06, 0x7FFF0000, 0x00050000
rules = [(LOAD, 0, 0, 0)]
for name, error in (("unshare", errno.EPERM), ("clone3", errno.ENOSYS)):
    rules += [(EQUAL, 0, 1, numbers[name]), (RETURN, 0, 0, ERRNO | error)]
rules += [(RETURN, 0, 0, ALLOW)]
code = b"".join(pack("<HBBI", *rule) for rule in rules)
steps = [
    Step("prctl", (k.PR_SET_NO_NEW_PRIVS, 1), "allow no new privileges"),
    Step("seccomp", (k.SECCOMP_SET_MODE_FILTER, 0, Program(code)), "filter"),
]
assert child.perform(Table(steps, numbers)) is None
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
MASK = 'mount -t proc proc /proc && mount -t tmpfs none /proc/bus && exec "$@"'
CHROOT = """
PATH="$PATH:/usr/sbin:/sbin"  # an ordinary user's may lack them
mkdir -p "$ROOT" && mount --rbind / "$ROOT" && exec chroot "$ROOT" env --chdir "$PWD" "$@"
"""
AS_ROOT = ("unshare", "--map-root-user", "--mount")
HOSTS = {
    "no user namespaces": (
        [*AS_ROOT, "sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"', "sh"],
        "allows no more namespaces",
        "max_user_namespaces",
    ),
    "calls refused as by Docker": (
        [sys.executable, "-c", REFUSE_BY_FILTER],
        "user namespaces",
        "seccomp=unconfined",
    ),
    "parts of /proc masked as by Docker": (
        [*AS_ROOT, "--pid", "--fork", "sh", "-c", MASK, "sh"],
        "masked",
        "systempaths=unconfined",
    ),
    "a chroot": ([*AS_ROOT, "sh", "-c", CHROOT, "sh"], "user namespaces", "chroot"),
}


@pytest.fixture(params=list(HOSTS))
def host(request, tmp_path, monkeypatch):
    """How this interpreter is started on such a host, and words of the cause and of the remedy."""
    before, cause, remedy = HOSTS[request.param]
    monkeypatch.setenv("ROOT", str(tmp_path / "root"))
    start = before if before[0] == sys.executable else [*before, sys.executable]
    works = subprocess.run([*start, "-c", "print('works')"], capture_output=True, text=True)
    if works.stdout != "works\n":
        pytest.skip(f"such a host cannot be imitated here: {works.stderr.strip()}")
    return start, cause, remedy


def run(*command: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


def test_doctor_says_what_is_refused_and_what_to_do(host):
    start, cause, remedy = host
    said = run(*start, "-m", "maelstrom_core.cli", "doctor")
    assert (said.returncode, said.stderr) == (71, "")
    assert cause in said.stdout
    assert remedy in said.stdout
    assert "impossible on this host" in said.stdout


def test_doctor_tells_programs_the_same(host):
    start, cause, remedy = host
    said = run(*start, "-m", "maelstrom_core.cli", "doctor", "--json")
    refused = [found for found in json.loads(said.stdout) if not found["ok"] and found["essential"]]
    assert refused
    assert any(cause in found["detail"] for found in refused)
    assert any(remedy in found["remedy"] for found in refused)


def test_a_test_run_ends_with_the_same_words_and_runs_nothing(host, tmp_path: Path):
    start, _, remedy = host
    project = tmp_path / "project"
    project.mkdir()
    (project / "pytest.ini").write_text("[pytest]\n")
    trace = project / "ran"
    (project / "test_it.py").write_text(
        textwrap.dedent(f"""
            def test_it():
                open({str(trace)!r}, "w").close()
        """)
    )
    said = run(*start, "-m", "pytest", "-p", "maelstrom", cwd=project)
    everything = said.stdout + said.stderr
    assert said.returncode not in (0, 1), everything
    assert remedy in everything
    assert "Traceback" not in everything
    assert not trace.exists()
