"""Bytes from one process to another: ZeroMQ with CURVE, in trio. Knows nothing of messages."""
