"""A snapshot that fits, and one that does not."""


def test_same(snapshot):
    assert snapshot == {"a": 1}


def test_other(snapshot):
    assert snapshot == {"a": 2}
