"""Tests that fail, some of them once."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.flaky(reruns=2)
def test_second_time():
    mark = HERE / "been_here"
    if not mark.exists():
        mark.touch()
        raise AssertionError("the first time")


def test_never():
    raise AssertionError


def test_passes():
    pass
