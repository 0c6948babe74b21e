"""Blobs between clients, broker and workers: each sent once, whoever wants it, and verified."""
