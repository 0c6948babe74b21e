"""Runs cases one after the other in this process, as pytest does, and says where one ends.

Fixtures of wider scope are set up once for all of them and torn down when the last one that needs
them has ended: that is pytest's own doing, which is told what comes next. Each case has files in
``$MAELSTROM_OUTPUT`` and a report of its own all the same.
"""

import contextlib
from typing import Any, Dict, List

import pytest

from pytest_maelstrom.inside import live, output


def run_items(session: pytest.Session, running: Any, request: Dict[str, Any], left_in: str) -> None:
    """Run the cases of a session.

    :param running: a `pytest_maelstrom.inside.plugins.Running`
    :param left_in: where cases leave files
    """
    items: List[pytest.Item] = session.items
    sender = running.sender
    if len(items) > 1:
        sender.send("begun")
    for index, item in enumerate(items):
        following = items[index + 1] if index + 1 < len(items) else None
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        _tell_of_stop(session, sender)
        # What is left of the group goes on in another container, if it goes on at all.
        if following is None or session.shouldfail or session.shouldstop:
            return
        running.send_left(left_in, request["output_bytes"])
        with contextlib.suppress(OSError):  # a read-only root: what is there is sent again
            output.clear(left_in)
        running.begin()
        live.flush()
        sender.send("end", status=0)
        sender.next_part()


def _tell_of_stop(session: pytest.Session, sender: Any) -> None:
    """Pass on that somebody in here wants the whole run to stop.

    Not that there were failures enough: those that are told of are counted outside.
    """
    most = session.config.getoption("maxfail", 0)
    if session.shouldfail and not (most and session.testsfailed >= most):
        sender.send("stop", fail=True, text=str(session.shouldfail))
    if session.shouldstop:
        sender.send("stop", fail=False, text=str(session.shouldstop))
