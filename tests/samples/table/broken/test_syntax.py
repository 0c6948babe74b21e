"""A module whose code is wrong."""

compile("def test_it(:", "wrong.py", "exec")
