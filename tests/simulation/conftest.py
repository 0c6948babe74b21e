"""A whole cluster in one thread, from one number."""

import time
from collections.abc import Callable

import pytest
from simulated.world import World

PROGRESS_SECONDS = 20.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="one world of the simulation alone")


@pytest.fixture
def progress(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Tells people now and then how far a long test is, whatever is captured."""
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    began = told = time.monotonic()

    def tell(what: str) -> None:
        nonlocal told
        now = time.monotonic()
        if reporter is not None and now - told >= PROGRESS_SECONDS:
            told = now
            reporter.ensure_newline()
            reporter.write_line(f"{request.node.name}: {what} in {now - began:.0f} s")

    return tell


@pytest.fixture
def world() -> type[World]:
    return World
