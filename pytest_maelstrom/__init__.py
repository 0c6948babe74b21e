"""``pytest -p maelstrom``: every test in its own container.

PYTEST_DONT_REWRITE: inside containers this package is imported before pytest would rewrite it, and
there are no assertions of tests in it.
"""
