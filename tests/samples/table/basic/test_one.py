"""Every outcome, and what is told with it."""

import logging
import sys
import time
import warnings

import pytest


def test_passes(colour):
    """It is red."""
    print("on its way")
    assert colour == "red"


def test_fails():
    numbers = list(range(40))
    print("to out")
    print("to err", file=sys.stderr)
    logging.getLogger("shop").warning("a log line")
    assert numbers == [*range(39), 40]


def test_error(no_such_fixture):
    pass


@pytest.mark.slow
def test_slow():
    time.sleep(0.7)


def test_skips():
    pytest.skip("not today")


@pytest.mark.xfail(reason="a known fault")
def test_xfails():
    raise AssertionError


@pytest.mark.xfail(reason="mended by now")
def test_xpasses():
    pass


def test_warns():
    warnings.warn("take care", UserWarning, stacklevel=1)


@pytest.mark.parametrize("word", ["a b", "a::b", "[x]", "ü", "a/b", "\n", ""])
def test_odd(word):
    assert word != "a b"


class TestOfAClass:
    """Methods."""

    def test_method(self, record_property):
        record_property("shape", "round")

    def test_section(self, request):
        request.node.add_report_section("call", "own", "said by the test")
        raise ValueError("with a section")


def test_subtests(subtests):
    for number in range(3):
        with subtests.test(number=number):
            assert number != 1


def documented():
    """Add.

    >>> 1 + 1
    2
    >>> 1 + 1
    3
    """
