"""A whole cluster in one thread: what `world` the tests see."""
