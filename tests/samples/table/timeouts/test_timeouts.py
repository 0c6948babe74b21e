"""Tests that hang, in each phase."""

import time

import pytest


def test_quick():
    pass


def test_hangs():
    time.sleep(20)


@pytest.mark.timeout(0.2, method="thread")
def test_hangs_for_a_thread():
    time.sleep(20)


@pytest.fixture
def hangs():
    time.sleep(20)


def test_fixture_hangs(hangs):
    pass
