"""``pytest -p maelstrom``: every test in its own container."""
