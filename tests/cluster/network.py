"""A network between the broker and the others that tests can cut, and make slow."""

import asyncio
import threading
from typing import Any


class Network:
    """What is between the broker and the others: it can be cut, and slow.

    It listens at the broker's two ports, at another address of this machine.
    """

    HOST = "127.0.0.2"
    PIECE_BYTES, DELAY_SECONDS = 16384, 0.02

    def __init__(self, ports: tuple[int, ...]) -> None:
        self._ports = ports
        self.slow = False
        self.passed = 0
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def up(self) -> None:
        async def listen() -> None:
            for port in self._ports:
                connect = lambda *ends, port=port: self._connected(port, *ends)  # noqa: E731
                server = await asyncio.start_server(connect, self.HOST, port, limit=1 << 16)
                self._servers.append(server)

        asyncio.run_coroutine_threadsafe(listen(), self._loop).result(60)

    def cut(self) -> None:
        """Whatever is open ends, and new connections are refused."""

        async def close() -> None:
            for server in self._servers:
                server.close()
            self._servers.clear()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(60)

    def close(self) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _connected(self, port: int, reader: Any, writer: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        writers = [writer]
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
            writers.append(back)
            ways = {
                asyncio.ensure_future(self._pass_on(reader, back)),
                asyncio.ensure_future(self._pass_on(there, writer)),
            }
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for one in writers:
                one.transport.abort()

    async def _pass_on(self, reader: Any, writer: Any) -> None:
        while data := await reader.read(self.PIECE_BYTES if self.slow else 1 << 16):
            if self.slow:
                await asyncio.sleep(self.DELAY_SECONDS)
            writer.write(data)
            await writer.drain()
            self.passed += len(data)
