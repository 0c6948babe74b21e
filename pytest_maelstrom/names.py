"""Names that many of our modules share; to know them, nothing else need be loaded."""

RUNNER = "pytest"
"""By which hooks know whose run it is."""
FILE = "maelstrom-pytest.toml"
"""In the project directory: what directives say."""
NO_GROUP = "none"
GROUPS = (NO_GROUP, "module", "class", "xdist_group")
"""What cases may have in common that share a container."""
