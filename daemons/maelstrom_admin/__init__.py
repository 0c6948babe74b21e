"""The program ``maelstrom-admin``: keys of a cluster, and what its broker knows and does."""
