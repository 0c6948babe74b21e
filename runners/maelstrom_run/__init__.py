"""The program ``maelstrom-run``: jobs out of JSON and TOML, each in a container of its own."""
