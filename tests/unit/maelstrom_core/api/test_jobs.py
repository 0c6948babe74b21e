"""Jobs out of documents: by many threads at once, and with images that come or do not."""

import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from maelstrom_core.api import InputError, Jobs, UsageError
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.images import Image
from maelstrom_core.model.layers import StoredLayer
from maelstrom_core.spec.jobs_plan import MOST_REMEMBERED

LAYER = StoredLayer(digest=Digest.of(b""), origin="oci:it")


class Brought:
    """Has images, and counts how often it was asked."""

    def __init__(self, **images: Image) -> None:
        self.images = images
        self.asked: list[str] = []

    def bring(self, names: Any, *, stop: Any = None) -> Mapping[str, Image]:
        (name,) = names
        self.asked.append(name)
        if name not in self.images:
            raise UsageError(f"{name} is not there")
        return {name: self.images[name]}


@pytest.fixture
def often_interrupted() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("often_interrupted")
def test_many_threads_may_ask_at_once(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, client={})
    jobs.of({"containers": {"all": {"parent": "default", "user": 5}}})
    errors: list[BaseException] = []
    start = threading.Barrier(4)

    def ask(thread: int) -> None:
        try:
            start.wait()
            for number in range(MOST_REMEMBERED // 2):
                # More of them than are remembered, and the same ones from all threads.
                own = {"program": "x", "parent": "all", "group": number}
                (job,) = jobs.of(own)
                assert (job.container.user, job.container.group) == (5, number)
                name = f"{thread}-{number}"
                bad = {"containers": {name: {"layers": []}}, "programm": "x"}
                with pytest.raises(InputError, match="programm: unknown"):
                    jobs.of(bad)
                document = {"containers": {name: {"parent": "all"}}, **own, "parent": name}
                (job,) = jobs.of(document)
                assert job.container.user == 5
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_job_is_taken_at_once_and_finished_when_its_image_is_there(tmp_path: Path) -> None:
    image = Image(name="oci:it", digest="", layers=(LAYER,), environment=(("A", "b"),))
    bringer = Brought(**{"oci:it": image})
    jobs = Jobs(tmp_path, client={}, bringer=bringer)
    written = {"program": "x", "image": "oci:it", "label": "l"}

    one, other, none = jobs.take({"jobs": [written, {**written, "user": 7}, {"program": "y"}]})

    assert [jobs.wanted(job) for job in (one, other, none)] == ["oci:it", "oci:it", ""]
    assert (one.job.label, bringer.asked) == ("l", [])
    jobs.bring("oci:it")
    assert [jobs.wanted(job) for job in (one, other, none)] == ["", "", ""]
    assert dict(jobs.finished(one).environment)["A"] == "b"
    assert jobs.finished(other).container.user == 7
    assert jobs.of(written)[0].container is jobs.finished(one).container
    assert bringer.asked == ["oci:it"]


def test_an_image_that_cannot_be_had_is_the_fault_of_each_job_in_it(tmp_path: Path) -> None:
    bringer = Brought()
    jobs = Jobs(tmp_path, client={}, bringer=bringer)

    found = jobs.of({"jobs": [{"program": "x", "image": "oci:it"}] * 2})

    assert [job.fault for job in found] == ["image: oci:it is not there"] * 2
    assert bringer.asked == ["oci:it"]


def run_by(image: Image, *written: dict[str, Any]) -> list[list[str]]:
    jobs = Jobs(Path("/p"), client={}, bringer=Brought(**{"oci:it": image}))
    found = jobs.of({"jobs": [{"image": "oci:it", **one} for one in written]})
    return [[job.program, *job.arguments] for job in found]


def test_a_job_without_a_program_runs_what_its_image_says() -> None:
    both = Image(name="", digest="", layers=(), entrypoint=("run", "-v"), command=("all",))
    only = Image(name="", digest="", layers=(), command=("sh", "-l"))

    own = {"program": "x", "arguments": ["y"]}
    assert run_by(both, {}, {"arguments": ["some"]}, {"arguments": []}, own, {"program": "x"}) == [
        ["run", "-v", "all"],
        ["run", "-v", "some"],
        ["run", "-v", "all"],
        ["x", "y"],
        ["x"],
    ]
    assert run_by(only, {}) == [["sh", "-l"]]


def test_by_whatever_way_it_is_in_the_image(tmp_path: Path) -> None:
    image = Image(name="", digest="", layers=(), entrypoint=("run",))
    jobs = Jobs(tmp_path, client={}, bringer=Brought(**{"oci:it": image}))
    containers = {"a": {"image": "oci:it"}, "b": {"parent": {"name": "a", "use": ["layers"]}}}

    (first,) = jobs.of({"containers": containers, "parent": "b"})
    (second,) = jobs.of({"parent": "a", "arguments": ["x"]})

    assert (first.program, second.program, second.arguments) == ("run", "run", ("x",))
    assert jobs.of({"parent": "a"}, command=("sh", "-c"))[0].program == "sh"


@pytest.mark.parametrize(
    ("image", "written", "told"),
    [
        (Image(name="", digest="", layers=()), {}, "its image does not say what to run"),
        (
            Image(name="", digest="", layers=(), command=("sh",)),
            {"arguments": ["x"]},
            "its image has no entry point that takes its arguments",
        ),
    ],
)
def test_an_image_that_does_not_say_it_is_told_with_the_job_s_place(
    image: Image, written: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError) as raised:
        run_by(image, {"program": "x"}, written)

    assert raised.value.faults == (f"jobs[1]: program is missing: {told}",)


def test_without_an_image_a_program_is_needed(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, client={})

    for written in ({"parent": "default"}, {"arguments": ["x"]}, {"layers": []}):
        with pytest.raises(InputError, match="program is missing"):
            jobs.of(written)


def test_parents_that_go_round_are_told_and_nothing_hangs(tmp_path: Path) -> None:
    containers = {"a": {"parent": "b"}, "b": {"parent": "a"}}

    with pytest.raises(InputError, match="a → b → a"):
        Jobs(tmp_path, client={}).of({"containers": containers, "program": "x", "parent": "a"})
