"""Tests on two event loops, by anyio."""

import anyio
import pytest


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.fixture
async def slept():
    await anyio.sleep(0)
    yield "slept"


@pytest.mark.anyio
async def test_both(slept):
    await anyio.sleep(0)
    assert slept == "slept"


@pytest.mark.anyio
async def test_fails(slept, anyio_backend_name):
    assert anyio_backend_name == "trio"
