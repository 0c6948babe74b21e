"""A whole cluster in one thread, from one number."""

import pytest
from simulated.world import World


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="one world of the simulation alone")


@pytest.fixture
def world() -> type[World]:
    return World
