"""Streams that modules keep from their import work in cases, and show what that case alone wrote."""

import re

import pytest

KEPT = """
    import os, sys
    import pytest

    kept = sys.stdout

    @pytest.mark.parametrize("stream", [sys.stdout, sys.stderr], ids=["out", "err"])
    def test_that_it_is_the_same(stream):
        assert stream is sys.stdout or stream is sys.stderr

    @pytest.mark.parametrize("number", [1, 2])
    def test_that_writes(number):
        print("written to", number, file=kept)
        os.write(1, b"and below it\\n")
        assert False
"""


@pytest.mark.parametrize("capture", ["fd", "sys"])
def test_a_module_may_keep_standard_output(project, both, capture):
    directory = project({"pytest.ini": "[pytest]", "test_it.py": KEPT})

    _, ours = both(directory, f"--capture={capture}")

    for number in (1, 2):
        section = ours.out.partition(f"_ test_that_writes[{number}] _")[2]
        shown = section.partition("Captured stdout call")[2].split("\n", 1)[1]
        below = "and below it\n" if capture == "fd" else ""
        # Failures are shown as they came in: either case may be the last one.
        assert re.match(f"written to {number}\n{below}[_=]", shown), shown
