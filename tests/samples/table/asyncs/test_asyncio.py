"""Tests and fixtures of pytest-asyncio."""

import asyncio

import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def slept():
    await asyncio.sleep(0)
    yield "slept"


async def test_awaits(slept):
    assert slept == "slept"


async def test_fails(slept):
    await asyncio.sleep(0)
    assert slept == "awake"


@pytest.mark.parametrize("number", [1, 2])
async def test_many(number):
    assert number == 1
