"""The debugger of a test in a container, on the user's terminal."""

import importlib.util
import os
import re
import subprocess
import sys

import pytest

STOPS = """
    import time

    def test_fails():
        secret = 41
        print("was printed")
        assert secret == 42

    def test_stops():
        value = 7
        breakpoint()
        time.sleep(0)
        assert value == 8

    def test_passes():
        time.sleep(0.5)
"""


def test_a_session_at_a_terminal(at_a_terminal, project):
    directory = project({"pytest.ini": "[pytest]", "test_stops.py": STOPS})
    arguments = ("-p", "no:cacheprovider", "--maelstrom-slots=3", "--pdb", "-v", "--color=no")
    user = at_a_terminal(directory, *arguments, TERM="xterm")
    answers = {
        "fails": [("p secret", "41"), ("!import os; os.ttyname(0)", "/dev/pts/0")],
        "stops": [("p value", "7"), ("!value = 8", ""), ("!value == 8", "True")],
    }
    left = set(answers)
    for turn in range(2):
        # Whichever comes first, the other one waits.
        stopped = user.expect(r"stops.py::test_(fails|stops) has stopped")[1]
        began = len(user.shown)
        name = user.expect(r"test_stops.py\(\d+\)test_(\w+)\(\)")[1]
        assert name == stopped
        left.remove(name)
        if name == "fails":
            assert "was printed" in user.shown
        user.expect(r"\(Pdb\) ")
        assert user.attributes[3] != user.before[3]
        if turn == 0:
            # The one that passes does so meanwhile.
            user.type("!time.sleep(3)\n")
            user.expect(r"\(Pdb\) ")
        for command, answer in answers[name]:
            user.type(f"{command}\n")
            user.expect(rf"{answer}.*\(Pdb\) ")
        if importlib.util.find_spec("readline"):
            user.type("\x1b[A\n")  # the line before, once more
            user.expect(rf"{answers[name][-1][1]}.*\(Pdb\) ")
        user.type("!while True: time.sleep(0.1)\n")
        user.expect("\n")
        user.type("\x03")
        user.expect(r"KeyboardInterrupt.*\(Pdb\) ")
        assert "PASSED" not in user.shown[began:]
        user.type("c\n")
        user.expect("PDB continue")
        if turn == 0:
            assert user.expect(r"([^\n]*) stopped as well")
            user.expect(r"test_stops.py::test_passes \S*PASSED")
    assert not left
    code = user.end()
    assert "1 failed, 2 passed" in user.shown, user.shown
    assert code == 1
    assert user.attributes == user.before


def piped(directory, typed, *arguments, ours):
    chosen = ["-p", "maelstrom", "--maelstrom-slots=1"] if ours else []
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *chosen, *arguments],
        cwd=directory,
        env={**os.environ, "MAELSTROM_STATE": str(directory / "state")},
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    # What each says of itself is its own, and so is when a letter of progress is printed.
    lines = re.sub(r"maelstrom: .*|test_stops.py(::test_\w+ \|)? ?", "", done.stdout).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("collected"))
    told = [one for one in lines[start + 1 :] if not re.fullmatch(r"[.F]*[ \[\d%\]]*", one)]
    return done.returncode, [re.sub(r" in [\d.]+s|=+$|0x\w+", "", one) for one in told]


@pytest.mark.parametrize(
    ("arguments", "typed"),
    [
        # Each session finds its commands where the one before has left off.
        (("--pdb",), "p secret\nw\nc\np value\nb 13\nc\np value + 2\nc\np value\nq\n"),
        (("-s",), "p value\n"),
        (("--trace", "-k", "fails or passes"), "n\nc\nc\n"),
    ],
    ids=["failures", "the end of the input", "trace"],
)
def test_commands_in_a_pipe_do_what_they_do_plainly(project, arguments, typed):
    directory = project({"pytest.ini": "[pytest]", "test_stops.py": STOPS})
    plain, ours = (piped(directory, typed, *arguments, ours=how) for how in (False, True))
    assert ours == plain
