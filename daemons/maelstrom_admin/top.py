"""A broker's status that stays on the screen and changes. For trio."""

import json

import trio
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from maelstrom_admin.asking import Conversation, status_of
from maelstrom_admin.status_plan import lines_of

REFRESH_SECONDS = 1.0


async def show(talk: Conversation, console: Console) -> None:
    """Show the status, again and again, until Ctrl-C."""
    with Live(console=console, auto_refresh=False, screen=console.is_terminal) as live:
        while True:
            status = json.loads(await status_of(talk, details=False))
            room = max(3, console.size.height - 1)
            lines = [Text(line, no_wrap=True, overflow="ellipsis") for line in lines_of(status)]
            if len(lines) > room:
                lines[room - 1 :] = [Text(f"… and {len(lines) - room + 1} lines more")]
            live.update(Group(*lines), refresh=True)
            await trio.sleep(REFRESH_SECONDS)
