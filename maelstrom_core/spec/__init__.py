"""Containers as people write them, in TOML or JSON, and what they come to. Pure."""
