"""A template that is started before there is an engine: taken if it is what the engine asks for."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from maelstrom_core.cluster.early import start_template
from maelstrom_core.container import early_template
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.outcome import Exited

SLOTS = 4


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[ContainerSpec], Callable[[], None]]]:
    """Start one for a backend on the same store, as `results_of` has it."""
    started: list[Callable[[], None]] = []

    def start_one(container: ContainerSpec) -> Callable[[], None]:
        settings: Any = SimpleNamespace(
            store=str(tmp_path / "store"), cache_size=None, slots=SLOTS, interpreter="auto"
        )
        started.append(start_template(container, settings, project_directory=tmp_path))
        return started[-1]

    yield start_one
    for let_go in started:
        let_go()


def early_ones() -> list[Any]:
    return [process.process for _, process in early_template._early]


def test_the_engine_takes_the_one_that_was_told_what_it_would_tell(
    start, results_of, python_container, job
):
    before = early_template.number_taken()
    start(python_container)
    (early,) = early_ones()
    jobs = [job(python_container, f"print({number})", forked=True) for number in range(3)]
    results = results_of(jobs, slots=SLOTS)

    assert [result.outcome for result in results] == [Exited(0)] * 3
    assert [result.stdout.text() for result in results] == ["0\n", "1\n", "2\n"]
    assert early_template.number_taken() == before + 1
    assert early.poll() is not None


@pytest.mark.parametrize("what", ["another environment", "more forks ahead", "an edited file"])
def test_one_that_was_told_anything_else_is_ended(
    start, results_of, python_container, job, tmp_path, what
):
    before = early_template.number_taken()
    start(python_container)
    (early,) = early_ones()
    slots = SLOTS - 1 if what == "more forks ahead" else SLOTS
    container = python_container
    if what == "another environment":
        container = attrs.evolve(container, environment=(*container.environment, ("A", "b")))
    elif what == "an edited file":
        with (tmp_path / "template.py").open("a") as file:
            file.write("# edited\n")
    (result,) = results_of([job(container, "print('x')", forked=True)], slots=slots)

    assert (result.outcome, result.stdout.text()) == (Exited(0), "x\n")
    assert early_template.number_taken() == before
    assert early.poll() is not None


def test_one_that_has_died_is_not_taken(start, results_of, python_container, job):
    before = early_template.number_taken()
    start(python_container)
    (early,) = early_ones()
    early.kill()
    early.wait()
    (result,) = results_of([job(python_container, "print('x')", forked=True)], slots=SLOTS)
    assert (result.outcome, early_template.number_taken()) == (Exited(0), before)


def test_nothing_is_left_of_one_that_nobody_asks_for(start, python_container):
    let_go = start(python_container)
    (early,) = early_ones()
    let_go()
    assert early.poll() is not None
    assert early_ones() == []
