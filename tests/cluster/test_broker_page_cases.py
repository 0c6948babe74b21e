"""Cases, stories and output on the broker's page: for whom, and however hostile."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, str(Path(__file__).parent))
from page_scene import HOSTILE, PagedBroker, ask, peers_of, until

from maelstrom_core.wire.rows import Ending


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[PagedBroker]:
    one = PagedBroker(tmp_path)
    yield one
    one.close()


def test_cases_their_stories_and_output_are_for_those_who_have_the_token(
    broker: PagedBroker,
) -> None:
    async def main() -> None:
        assert broker.token not in broker.said() + "".join(broker.lines), "logs are read by many"
        token = {"Authorization": f"Bearer {broker.token}"}
        async with peers_of(broker) as peers:
            worker = await peers.add("worker", "rack7", slots=2)
            client = await peers.add("client", "tests of ann")
            client.submit(range(3), name="tests/test_a.py::test_secret")
            await until(lambda: len(worker.given) == 2)
            worker.begin()
            worker.end(1, told=("exited with status 3", b"the password is 17\n"))
            await until(lambda: len(worker.given) == 2)

            session = client.hello.session.hex()
            run, case = f"/run?session={session}", f"/case?session={session}&job=0"
            for path in ("/", "/live", "/api/status", "/metrics"):
                said = await ask(broker, path)
                assert said.status == 200
                assert "test_secret" not in said.text
                assert session not in said.text or path == "/api/status"
            for path in (run, case, run.replace("/", "/live/"), case.replace("/", "/live/")):
                said = await ask(broker, path)
                assert said.status == 401
                assert "secret" not in said.text
            assert "open the link with" in (await ask(broker, "/")).text

            page = (await ask(broker, "/", **token)).text
            assert "tests/test_a.py::test_secret 1</bdi>" in page
            assert f'<a href="{run}">' in page
            said = await ask(broker, run, **token)
            assert said.status == 200
            for words in ("Run of", "test_secret 0", "exited with status 3", "Where time went"):
                assert words in said.text
            assert f'data-live="/live{run}"' in said.text
            assert "password" not in said.text
            said = await ask(broker, case, **token)
            for words in ("handed in by tests of ann", "given to rack7", "the password is 17"):
                assert words in said.text
            live = (await ask(broker, case.replace("/", "/live/"), **token)).text
            assert "<html" not in live
            assert re.findall('id="(\\w+)"', live) == ["head", "time", "story", "output"]

            for path in (f"/run?session={'00' * 16}", "/run", case.replace("job=0", "job=77")):
                said = await ask(broker, path, **token)
                assert said.status == 404
                assert "There is nothing of it" in said.text
            client.leave()
            await until(lambda: "History" in broker.get("/", **token).text)
            assert (await ask(broker, run, **token)).status == 200
        assert "Traceback" not in broker.said()
        assert "page failed" not in broker.said()

    broker.start()
    trio.run(main)


def test_names_do_no_harm(broker: PagedBroker) -> None:
    async def main() -> None:
        async with peers_of(broker) as peers:
            labels = (HOSTILE, "x" * 255)
            worker = await peers.add("worker", HOSTILE, slots=1, labels=labels)
            client = await peers.add("client", HOSTILE)
            client.submit(range(1), labels=(HOSTILE,), name=HOSTILE)
            client.submit(range(1, 2), slots=2, labels=(HOSTILE,), name=HOSTILE)
            await until(lambda: worker.given)
            worker.end(1, told=(HOSTILE, HOSTILE.encode() + b"</pre>\x1b]0;owned\x07\xff\0"))
            client.submit(range(2, 3), labels=(HOSTILE,), name=HOSTILE)
            await until(lambda: worker.given)
            worker.end(1, Ending.UNFIT, HOSTILE.encode())
            await trio.sleep(4)
            session = client.hello.session.hex()
            paths = ["/", f"/run?session={session}"]
            paths += [f"/case?session={session}&job={tag}" for tag in range(3)]
            for path in paths:
                page = (await ask(broker, path, Authorization=f"Bearer {broker.token}")).text
                assert page.count("<script") == 1, path
                assert "<img" not in page
                assert "&lt;script&gt;" in page
                assert page.count("</pre>") == page.count("<pre"), path
                assert "\x1b" not in page
            page = (await ask(broker, "/")).text
            assert "&lt;script&gt;document.title=&#x27;owned&#x27;&lt;/script&gt;&quot;" in page
            assert "x" * 60 not in re.sub(r'title="[^"]*"', "", page)

            text = (await ask(broker, "/metrics")).text
            (worker_named,) = {
                sample.labels["worker"]
                for family in text_string_to_metric_families(text)
                for sample in family.samples
                if sample.name == "maelstrom_worker_slots"
            }
            assert worker_named.startswith("<script>document.title='owned'</script>\"'>")

    broker.start()
    trio.run(main)
