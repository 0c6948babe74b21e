"""Terminals over a whole cluster: real clients and workers, in trio's time, and a broker's machine."""
