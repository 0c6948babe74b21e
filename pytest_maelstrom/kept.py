"""``--maelstrom-keep``: shells in the containers of failed tests, offered when all tests have ended."""

from typing import Any

import pytest

from maelstrom_core.terminal.users import UsersTerminal
from pytest_maelstrom.attach import Desk, uncaptured

MOST_KEPT = 20
"""Each holds the memory and the files of its test."""


async def offer(desk: Desk) -> None:
    """Ask which container to enter, until nobody wants any; then all of them end."""
    if not (desk.kept or desk.gone):
        return
    with desk.taken():
        for words in desk.gone:
            desk.say(f"maelstrom: {words}")
        while desk.kept:
            many = "s are" if len(desk.kept) > 1 else " is"
            desk.say(f"maelstrom: the container{many} kept of")
            offered = list(desk.kept)
            for number, seat in enumerate(offered, start=1):
                why = f" - {seat.why}" if seat.why else ""
                desk.say(f"  {number}  {seat.name}{seat.where}{why}")
            if desk.dropped:
                desk.say(f"  and not of {desk.dropped} more: at most {MOST_KEPT} are kept")
            desk.ask_for("number for a shell in it, or nothing to end: ")
            answer = (await desk.terminal.read_line()).strip()
            if not answer:
                break
            chosen = int(answer) if answer.isdigit() else 0
            if not 1 <= chosen <= len(offered):
                desk.say(f"maelstrom: from 1 to {len(offered)}")
                continue
            if offered[chosen - 1] not in desk.kept:
                desk.say("maelstrom: that one is gone, with its worker or its process")
                continue
            status = await offered[chosen - 1].attend()
            if status is not None:
                desk.say(f"maelstrom: the shell exited with status {status}")
    for seat in list(desk.kept):
        seat.keyboard.end()


def refuse_without_a_terminal(config: pytest.Config, terminal: UsersTerminal) -> None:
    """Refuse what needs a user at a terminal.

    :raises pytest.UsageError: with what to do
    """
    option = config.option
    for name, wanted in (("shell", option.maelstrom_shell), ("keep", option.maelstrom_keep)):
        if not wanted:
            continue
        with uncaptured(config):
            is_terminal = terminal.is_terminal
        if not is_terminal:
            raise pytest.UsageError(
                f"maelstrom: --maelstrom-{name} needs a terminal; here standard input or output is "
                "none: start pytest from one, without a pipe"
            )


def why_failed(reports: list[Any]) -> str:
    """The line that pytest's short summary has of a failure; nothing if there is none."""
    for one in reports:
        if one.failed:
            crash = getattr(one.longrepr, "reprcrash", None)
            text = crash.message if crash is not None else one.longreprtext
            return str(text).strip().partition("\n")[0]
    return ""
