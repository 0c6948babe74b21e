"""A runner for shell scripts, as a package of its own."""
