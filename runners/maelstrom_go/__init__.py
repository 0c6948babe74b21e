"""Runs the tests of Go packages, every one in a container of its own: ``maelstrom-go-test``."""
