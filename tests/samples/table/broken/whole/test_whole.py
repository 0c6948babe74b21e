"""A module between broken ones that is whole."""


def test_whole():
    pass
