"""Runs the jobs of one machine: for a client by itself, and for a worker alike."""
