"""Frozen values that cross rooms. Pure."""
