"""What is found out early is there when it is asked for, and so is what went wrong."""

import threading

import pytest

from maelstrom_core.errors import UsageError
from maelstrom_core.program.early import Early


def test_it_is_found_while_others_work() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def find() -> int:
        begun.set()
        assert go_on.wait(60)
        return 7

    early = Early(find)

    assert begun.wait(60)  # nobody has asked yet
    go_on.set()
    assert early.take() == 7


def test_what_went_wrong_is_raised_for_who_asks() -> None:
    def find() -> int:
        raise UsageError("there is no module here")

    with pytest.raises(UsageError, match="no module here"):
        Early(find).take()
