"""What stands in the controlling process for tests that were deselected in a container."""

import pytest


class Deselected:
    """As much of an item as plugins use that hear of deselected ones."""

    def __init__(self, session: pytest.Session, nodeid: str) -> None:
        self.session = session
        self.config = session.config
        self.nodeid = nodeid
        self.name = nodeid.rpartition("::")[2]
