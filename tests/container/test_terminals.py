"""Terminals of jobs: from the start, and asked for while they run."""

import os
import sys

import pytest

from maelstrom_core.container.messages import Attach, Ended, Resize, Said, Shown, Type
from maelstrom_core.model.container import Devpts, Proc, Root

FACTS = "tty; stty size; ps -o sid=,tpgid= -p $$; read line; echo got $line; exec sleep 100"


@pytest.mark.parametrize("init", [True, False], ids=["init", "no-init"])
@pytest.mark.parametrize("writable", [True, False], ids=["writable", "read-only"])
def test_a_job_that_begins_on_a_terminal(run, init, writable):
    shown = ""

    def answer(slot, message):
        nonlocal shown
        if not isinstance(message, Shown):
            return
        before, shown = shown, shown + message.data.decode()
        if "\n31 91" in shown and "\n31 91" not in before:
            slot.tell_terminal(Resize(1, 41, 101))
            slot.tell_terminal(Type(1, b"some words\n"))
        if "got some words" in shown and "got some words" not in before:
            slot.tell_terminal(Type(1, b"\x1c" if init else b"\x03"))

    script = f"trap 'stty size; exit 9' WINCH INT; {FACTS}" if not init else FACTS
    if not init:
        script = script.replace("exec sleep 100", "while :; do sleep 0.05; done")
    seen = run(
        "sh",
        "-c",
        script,
        launch={"terminal": (31, 91)},
        on_message=answer,
        init=init,
        root=Root(writable=writable),
    )
    assert "/dev/pts/0\n31 91\n" in seen.shown
    pid = 2 if init else 1
    assert f"{pid} {pid}" in " ".join(seen.shown.split()), seen.shown
    assert isinstance(seen.last, Ended)
    if init:
        # The key for it sends SIGQUIT to what runs in front.
        assert os.WTERMSIG(seen.last.status) == 3
        assert seen.last.written == (0, 0)
    else:
        assert "41 101" in seen.shown
        assert seen.code == 9


@pytest.mark.parametrize("target", ["/dev/pts", "/t"])
def test_terminals_that_are_a_mount_of_their_own_do(run, target):
    mounts = (Proc(), Devpts(target=target))
    seen = run("tty", launch={"terminal": (31, 91)}, mounts=mounts)
    assert (seen.shown, seen.code) == (f"{target}/0\n", 0)


ASKS = """
import array, os, socket, sys
link = socket.socket(fileno=os.dup(5))
def ask():
    link.send(b"ask")
    word, rights, _, _ = link.recvmsg(64, socket.CMSG_SPACE(4))
    return word, [array.array("i", content[:4])[0] for _, _, content in rights]
for number in range(1, 500):
    # What nobody understands, with descriptors that nobody wants.
    link.sendmsg([b"x" * number], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])
word, (terminal,) = ask()
print(word.decode(), os.isatty(terminal), file=sys.stderr)
if word == b"terminal":
    print(os.ttyname(terminal), os.get_terminal_size(terminal), file=sys.stderr)
os.write(terminal, b"what is it?")
print(os.read(terminal, 100), file=sys.stderr)
if word == b"socket":
    link.send(b"line")
    print(os.read(terminal, 100), file=sys.stderr)
link.send(b"leave 7")
print(ask(), file=sys.stderr)
"""


@pytest.mark.parametrize("size", [(33, 99), (0, 0)], ids=["terminal", "sockets"])
def test_a_job_that_asks_for_one(run, size):
    said = []

    def answer(slot, message):
        if isinstance(message, Shown) and b"what" in message.data:
            slot.tell_terminal(Type(1, b"this\n"))
        if isinstance(message, Said):
            said.append((message.what, message.status))
            if message.what == "asks":
                slot.tell_terminal(Attach(1, *size))
            elif message.what == "wants line":
                slot.tell_terminal(Type(1, b""))

    python = os.path.realpath(sys.executable)
    trees = [(path, path) for path in ("/usr", "/bin", "/lib", "/lib64") if os.path.isdir(path)]
    prefix = os.path.realpath(sys.base_prefix)
    if not prefix.startswith("/usr/"):
        trees.append((prefix, prefix))
    launch = {"attachable": True}
    seen = run(python, "-c", ASKS, launch=launch, on_message=answer, trees=trees)
    lines = seen.err.splitlines()
    assert seen.code == 0, seen.err
    assert said[0] == ("asks", -1)
    assert said[-2:] == [("leaves", 7), ("asks", -1)]
    assert lines[-1] == "(b'granted', [])"
    if size == (0, 0):
        assert lines[:-1] == ["socket False", "b'this\\n'", "b''"]
        assert "wants line" in dict(said)
    else:
        where, what = lines[1].split(" ", 1)
        assert (lines[0], where) == ("terminal True", "/dev/pts/0")
        assert what == "os.terminal_size(columns=99, lines=33)"
        assert lines[2] == "b'this\\n'"
