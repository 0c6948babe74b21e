"""Tests that show which numbers they draw."""

import random


def test_one():
    assert random.randrange(10**9) == 0


def test_two():
    assert random.randrange(10**9) == 0


def test_three():
    pass
