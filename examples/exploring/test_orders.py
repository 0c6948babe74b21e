"""A test that fails: why, is told by a file in its container."""

import orders


def test_the_total():
    orders.add("pears", 7)
    orders.add("plums", 5)
    assert orders.total() == 12
