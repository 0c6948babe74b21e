"""The broker's page in a real browser, on a phone and on a desk, with its script and without."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

sys.path.insert(0, str(Path(__file__).parent))
from browser import CHROMIUM, Browser
from page_scene import HOSTILE, PagedBroker, Peer, Peers, peers_of, until

from maelstrom_core.wire.rows import Ending

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(not CHROMIUM, reason="there is no chromium: apt-get install chromium"),
]


NAMES = (
    "tests/parser/test_numbers.py::TestFractions::test_all_of_them[with a parameter]",
    "maelstrom_core.container::a_name_that_has_no_place_at_which_a_line_could_end_" + 9 * "x_y_z",
    HOSTILE,
)
OUTPUT = (
    b"\x1b[31mE       AssertionError: assert 3 == 4\x1b[0m\n"
    b"tests/test_a.py:17: AssertionError\n\tindented \x1b]0;owned\x07\n"
    + HOSTILE.encode()
    + b"\n</pre></main><h1>out</h1>"
)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[PagedBroker]:
    one = PagedBroker(tmp_path)
    one.start()
    yield one
    one.close()


class Seen:
    """The browser, used in threads, for peers must go on beating."""

    def __init__(self, browser: Browser, broker: PagedBroker) -> None:
        self._browser = browser
        self._url = f"http://127.0.0.1:{broker.port}"
        self._broker = broker

    async def _do(self, call: Callable[[], Any]) -> Any:
        with trio.fail_after(60):
            return await trio.to_thread.run_sync(call, abandon_on_cancel=True)

    async def show_token(self) -> None:
        """Come by the link; the browser keeps what it gets."""
        await self.open(path=f"/?token={self._broker.token}")

    async def open(
        self, width: int = 1280, *, path: str = "/", script: bool = True, **screen: bool
    ) -> None:
        def look() -> None:
            self._browser.call("Emulation.setScriptExecutionDisabled", value=not script)
            self._browser.screen(width, **screen)
            self._browser.open(self._url + path)

        await self._do(look)

    async def value(self, expression: str) -> Any:
        return await self._do(lambda: self._browser.value(expression))

    async def text(self) -> str:
        found = await self.value("document.body?.innerText ?? ''")
        return str(found)

    async def has(self, words: str) -> None:
        with trio.fail_after(30):
            while words not in await self.text():
                await trio.sleep(0.2)

    async def picture(self, file: Path) -> bytes:
        found: bytes = await self._do(lambda: self._browser.picture(file))
        return found

    def complaints(self) -> list[str]:
        return self._browser.complaints


@asynccontextmanager
async def looking(broker: PagedBroker) -> AsyncIterator[tuple[Peers, Seen]]:
    async with peers_of(broker) as peers:
        browser = await trio.to_thread.run_sync(Browser, broker.directory)
        try:
            yield peers, Seen(browser, broker)
        finally:
            browser.close()


async def a_busy_cluster(peers: Peers) -> list[Peer]:
    """Workers of all kinds, runs that wait, jobs that are refused, names that are not nice."""
    workers = [
        await peers.add("worker", f"rack{number}", slots=slots, labels=labels)
        for number, (slots, labels) in enumerate(
            [(16, ("gpu", "large")), (8, ()), (4, ("arm", "a-label-that-is-longer-than-others"))]
        )
    ]
    workers.append(await peers.add("worker", HOSTILE, slots=2, labels=(HOSTILE,)))
    clients = [
        await peers.add("client", "tests of the parser", weight=3),
        await peers.add("client", "nightly: everything, on all that is there and far more"),
        await peers.add("client", HOSTILE),
    ]
    for number, client in enumerate(clients):
        client.submit(range(40 * 3**number), name=NAMES[number])
    clients[0].submit(
        range(1000, 1012), slots=4, labels=("gpu",), name="tests/test_gpu.py::test_all"
    )
    await until(lambda: sum(len(worker.given) for worker in workers) >= 20)
    clients[2].submit(range(5000, 5003), labels=("no-such-label",), name=HOSTILE)
    for number in range(7):
        for worker in workers:
            worker.begin()
        await trio.sleep(2)
        for worker in workers:
            told = ("exited with status 1", OUTPUT) if number % 3 == 1 else ("", b"")
            worker.end(min(3, len(worker.given)), told=told)
    await until(lambda: workers[3].given)
    workers[3].end(1, Ending.UNFIT, b"its store is full:\n  " + HOSTILE.encode())
    return workers


async def runs_that_are_over(peers: Peers, worker: Peer) -> None:
    """Their worker is the only one yet."""
    for number in range(12):
        client = await peers.add("client", HOSTILE if number == 5 else f"ann, run {number}")
        client.submit(range(number + 2), name=f"tests/test_{number}.py::test_case")
        for _ in range(number + 2):
            await until(lambda: worker.given)
            worker.begin()
            failed = number % 4 == 1 and len(worker.given) == 1
            worker.end(1, told=("killed by signal 11", OUTPUT) if failed else ("", b""))
        client.leave()


def test_it_shows_all_on_every_screen(broker: PagedBroker) -> None:
    """Pictures are left beside the broker's files, for people to look at."""

    async def main() -> None:
        async with looking(broker) as (peers, seen):
            await runs_that_are_over(peers, await peers.add("worker", "first", slots=1))
            await a_busy_cluster(peers)
            for name, width, screen in (
                ("phone", 360, {"phone": True}),
                ("phone-dark", 390, {"phone": True, "dark": True}),
                ("tablet", 800, {}),
                ("desktop", 1280, {}),
                ("desktop-dark", 1280, {"dark": True}),
            ):
                await seen.open(width, **screen)
                assert await seen.value("document.documentElement.scrollWidth") <= width, name
                assert len(await seen.picture(broker.directory / f"{name}.png")) > 20_000
                for words in ("rack0", "tests of the parser", "no worker has the label no-such"):
                    assert words in await seen.text(), name
                colours = "getComputedStyle(document.body).backgroundColor"
                dark = "dark" in name
                assert (await seen.value(colours) == "rgb(15, 20, 26)") is dark, name
            # Nothing that a peer has said has become part of the page.
            assert await seen.value("document.title") == "Maelstrom broker"
            assert await seen.value("document.querySelectorAll('img').length") == 0
            assert await seen.value("document.scripts.length") == 1
            assert HOSTILE[:40] in await seen.text()
            # And the page keeps to the policy that it has been given.
            assert seen.complaints() == []

            await seen.show_token()
            links = "[...document.querySelectorAll('%s')].map(a => a.getAttribute('href'))"
            runs = await seen.value(links % "#clients a")
            assert len(runs) == 3
            await seen.open(path=runs[1])
            cases = await seen.value(links % "#failed a")
            await seen.open(path=runs[2])
            cases += await seen.value(links % "#failed a")
            for number, path in enumerate(["/", runs[1], runs[2], cases[0], cases[-1]]):
                for name, width, screen in (
                    ("phone", 360, {"phone": True}),
                    ("phone-dark", 390, {"phone": True, "dark": True}),
                    ("desktop", 1280, {}),
                ):
                    await seen.open(width, path=path, **screen)
                    shown = f"{path} on a {name}"
                    assert await seen.value("document.documentElement.scrollWidth") <= width, shown
                    await seen.picture(broker.directory / f"with-token-{number}-{name}.png")
                    assert await seen.value("document.querySelectorAll('img').length") == 0, shown
                    assert await seen.value("document.querySelectorAll('h1').length") == 1, shown
                    assert await seen.value("document.scripts.length") == 1, shown
                    assert await seen.value("document.title") != "owned", shown
            assert "handed in by" in await seen.text()
            assert "AssertionError: assert 3 == 4" in await seen.text()
            assert seen.complaints() == []

    trio.run(main)


def test_it_renews_itself_and_says_when_it_cannot(broker: PagedBroker) -> None:
    async def main() -> None:
        async with looking(broker) as (peers, seen):
            await seen.open()
            await seen.has("None is connected")
            await seen.value("window.here = 1")
            await peers.add("worker", "came-later", slots=3)
            await seen.has("came-later")
            assert await seen.value("window.here") == 1, "it was loaded anew"
            await trio.to_thread.run_sync(broker.close)
            await seen.has("No news from the broker for")
            await seen.has("came-later")

    trio.run(main)


def test_the_page_of_a_case_goes_on_with_it(broker: PagedBroker) -> None:
    async def main() -> None:
        async with looking(broker) as (peers, seen):
            client = await peers.add("client", "ann")
            client.submit(range(1), name="test_a")
            await seen.show_token()
            await seen.open(path=f"/case?session={client.hello.session.hex()}&job=0")
            await seen.has("no worker is connected")
            await seen.value("window.here = 1")
            worker = await peers.add("worker", "rack7", slots=1)
            await seen.has("given to rack7")
            await until(lambda: worker.given)
            worker.begin()
            worker.end(1, told=("exited with status 1", b"it broke"))
            await seen.has("it broke")
            assert await seen.value("window.here") == 1, "it was loaded anew"

    trio.run(main)


def test_it_needs_no_script(broker: PagedBroker) -> None:
    async def main() -> None:
        async with looking(broker) as (peers, seen):
            await peers.add("worker", "was-there", slots=3)
            await seen.open(script=False)
            await seen.has("was-there")
            await peers.add("worker", "came-later", slots=3)
            await seen.has("came-later")

    trio.run(main)
