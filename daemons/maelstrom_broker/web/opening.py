"""Opens the broker's page where its settings say, for as long as the broker runs."""

import socket
import sys
from pathlib import Path

import trio

from maelstrom_broker.web.answers_plan import Access
from maelstrom_broker.web.server import PageServer, Say
from maelstrom_broker.web.source import Source
from maelstrom_broker.web.token_file import NAME, token_in
from maelstrom_core.errors import HostError
from maelstrom_core.settings import Settings
from maelstrom_core.transport.address_plan import join_address

_EVERYWHERE = ("0.0.0.0", "::")
_BACKLOG = 64


async def serve_page(
    settings: Settings,
    source: Source,
    say: Say,
    *,
    again: bool,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled.

    :param source: what is on it
    :param again: another broker has died before this one: then the page is not worth its life
    :raises HostError: if nobody can listen there
    :raises InputError: if the token that is kept cannot be used
    """
    host, port = settings.web
    try:
        listeners = await _listen(host, port)
        is_local = all(_is_loopback(one.socket.getsockname()[0]) for one in listeners)
        wants_token = settings.web_token == "always" or not is_local
        token = token_in(Path(settings.cluster_directory))
    except HostError as error:
        if not again:
            raise
        say("error", "there is no page", {"why": str(error)})
        task_status.started()
        return
    here = socket.gethostname().lower()
    names = frozenset({here, here.partition(".")[0], *map(str.lower, settings.web_names)})
    # A cookie is sent to all ports of a host: brokers of one machine must not take away each other's.
    access = Access(names, token, f"maelstrom-{port}", is_open=not wants_token)
    server = PageServer(access, source.body, say)
    address = join_address(socket.gethostname() if host in _EVERYWHERE else host, port)
    say("info", "page opened", {"address": address, "token": wants_token})
    if not again:
        file = Path(settings.cluster_directory) / NAME
        _announce(address, token, file, is_open=access.is_open)
    task_status.started()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(source.drawings.keep_on)
            for listener in listeners:
                nursery.start_soon(server.serve, listener)
    except* Exception as errors:
        # A mistake of ours costs the page, not the broker.
        why = "; ".join(f"{type(one).__name__}: {one}" for one in errors.exceptions)
        say("error", "the page was closed", {"why": why})


async def _listen(host: str, port: int) -> list[trio.SocketListener]:
    try:
        return await trio.open_tcp_listeners(port, host=host, backlog=_BACKLOG)
    except OSError as error:
        raise HostError(
            f"cannot listen at {join_address(host, port)} for the page: {error.strerror or error}",
            remedy="choose another HOST:PORT with --web, or none with --web off",
        ) from None


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def _announce(address: str, token: str, file: Path, *, is_open: bool) -> None:
    """Whoever sits there gets the link; logs do not, for more people read them."""
    link = f"http://{address}/?token={token}" if sys.stdout.isatty() else ""
    if is_open:
        print(f"page at http://{address}/", flush=True)
        what = f"at {link}" if link else f"with the token in {file}"
        print(f"cases and what they write: {what}", flush=True)
    elif link:
        print(f"page at {link}", flush=True)
    else:
        print(f"page at http://{address}/, whose token is in {file}", flush=True)
