"""A second file, in a directory below."""


def test_two():
    pass


def test_two_fails():
    assert not [1]
