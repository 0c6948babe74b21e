"""HTTP for the broker's page: h11 on trio, with a limit to everything. The door to h11.

The broker has better to do than this. So there are few connections, each has little time and sends
little; answers are made beforehand (`source`) and leave at a pace; and whatever goes wrong here ends one
connection.
"""

import math
from collections.abc import Callable, Mapping
from email.utils import formatdate

import h11
import trio

from maelstrom_broker.web.answers_plan import (
    MOST_HEAD_BYTES,
    SECURITY,
    Access,
    Answer,
    Asked,
    View,
    Wanted,
    decide,
)
from maelstrom_broker.web.frame_plan import notice

MOST_CONNECTIONS = 64
HEAD_SECONDS = 10.0
"""In which a request must have come, from the end of the one before."""
ANSWER_SECONDS = 20.0
"""In which an answer must have been taken."""
_PACE_SECONDS = 0.005
"""Between two answers, whoever they are for."""
_ACCEPT_SECONDS = 0.01
_ROOM = 4_096
_NO_DESCRIPTORS_SECONDS = 1.0

Say = Callable[[str, str, Mapping[str, object]], None]


class PageServer:
    """Answers requests.

    :param body: the bytes of what is wanted; raises LookupError, with the reason, if there is none
    :param say: writes a line for people: level, what happened, facts
    """

    def __init__(self, access: Access, body: Callable[[View], bytes], say: Say) -> None:
        self._access = access
        self._body = body
        self._say = say
        self._room = trio.Semaphore(MOST_CONNECTIONS)
        self._next_turn = -math.inf

    async def serve(self, listener: trio.SocketListener) -> None:
        """Answer until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                await self._room.acquire()
                try:
                    stream = await listener.accept()
                except OSError as error:
                    self._room.release()
                    self._say("warning", "the page takes no connection", {"why": str(error)})
                    await trio.sleep(_NO_DESCRIPTORS_SECONDS)
                    continue
                nursery.start_soon(self._talk, stream)
                await trio.sleep(_ACCEPT_SECONDS)

    async def _talk(self, stream: trio.SocketStream) -> None:
        try:
            connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEAD_BYTES)
            while await self._once(stream, connection):
                connection.start_next_cycle()
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.LocalProtocolError):
            pass  # it went while it was spoken to
        except Exception as error:
            # A mistake of ours costs one connection.
            self._say("error", "the page failed", {"why": f"{type(error).__name__}: {error}"})
        finally:
            self._room.release()
            with trio.CancelScope(shield=True, deadline=trio.current_time()):
                await stream.aclose()

    async def _once(self, stream: trio.SocketStream, connection: h11.Connection) -> bool:
        """One request; whether another may come."""
        try:
            with trio.fail_after(HEAD_SECONDS):
                request = await self._request(stream, connection)
        except trio.TooSlowError:
            return False
        except h11.RemoteProtocolError as fault:
            text = f"that is no request of HTTP: {fault}\n"
            await self._send(stream, connection, "GET", fault.error_status_hint, text.encode())
            return False
        if request is None:
            return False
        asked = Asked(
            request.method.decode("ascii", "replace"),
            request.target.decode("ascii", "replace"),
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers],
        )
        await self._wait_for_a_turn()
        found = decide(asked, self._access)
        if isinstance(found, View):
            headers = {"Content-Type": found.wanted.content_type}
            try:
                body = self._body(found)
            except LookupError as none:
                text = notice("There is nothing of it", str(none.args[0]))
                found = Answer(404, text, Wanted.PAGE.content_type)
            else:
                await self._send(stream, connection, asked.method, 200, body, headers=headers)
        if isinstance(found, Answer):
            await self._refuse(stream, connection, asked.method, found)
        return connection.our_state is h11.DONE and connection.their_state is h11.DONE

    async def _request(
        self, stream: trio.SocketStream, connection: h11.Connection
    ) -> h11.Request | None:
        """The next request with its end, if it has one that needs no reading; None if none comes."""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await stream.receive_some(_ROOM))
            elif isinstance(event, h11.Request):
                if connection.their_state is h11.SEND_BODY and not _says_it_has_a_body(event):
                    connection.next_event()  # the end of a body of nothing
                return event
            else:
                return None

    async def _refuse(
        self, stream: trio.SocketStream, connection: h11.Connection, method: str, answer: Answer
    ) -> None:
        headers = {"Content-Type": answer.content_type, **answer.headers}
        if answer.is_last:
            headers["Connection"] = "close"
        await self._send(
            stream, connection, method, answer.status, answer.text.encode(), headers=headers
        )

    async def _send(
        self,
        stream: trio.SocketStream,
        connection: h11.Connection,
        method: str,
        status: int,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if connection.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        every = {
            "Date": formatdate(usegmt=True),
            "Content-Length": str(len(body)),
            "Content-Type": "text/plain; charset=utf-8",
            **SECURITY,
            **(headers or {}),
        }
        head = h11.Response(status_code=status, headers=list(every.items()))
        sent = [connection.send(head)]
        if method != "HEAD":
            sent.append(connection.send(h11.Data(body)))
        sent.append(connection.send(h11.EndOfMessage()))
        with trio.move_on_after(ANSWER_SECONDS) as scope:
            await stream.send_all(b"".join(part for part in sent if part))
        if scope.cancelled_caught:
            raise trio.BrokenResourceError("it does not take its answer")

    async def _wait_for_a_turn(self) -> None:
        now = trio.current_time()
        self._next_turn = max(now, self._next_turn + _PACE_SECONDS)
        await trio.sleep_until(self._next_turn)


def _says_it_has_a_body(request: h11.Request) -> bool:
    names = {name for name, value in request.headers if (name, value) != (b"content-length", b"0")}
    return b"content-length" in names or b"transfer-encoding" in names
