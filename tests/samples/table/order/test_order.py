"""Tests that want an order."""

import pytest


@pytest.mark.order(2)
def test_second():
    pass


@pytest.mark.order("last")
def test_last():
    raise AssertionError


@pytest.mark.order(1)
def test_first():
    pass
