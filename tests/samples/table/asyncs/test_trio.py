"""Tests and fixtures of pytest-trio."""

import pytest
import trio


@pytest.fixture
async def nursery_of_test(nursery):
    return nursery


@pytest.mark.trio
async def test_nursery(nursery_of_test, autojump_clock):
    nursery_of_test.start_soon(trio.sleep, 10)
    await trio.sleep(20)


@pytest.mark.trio
async def test_fails():
    await trio.sleep(0)
    raise ValueError("in a task")
