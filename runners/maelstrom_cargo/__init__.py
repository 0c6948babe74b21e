"""Runs the tests of Rust crates, every one in a container of its own: ``cargo-maelstrom``."""
