"""Plugins that work with every runner."""
