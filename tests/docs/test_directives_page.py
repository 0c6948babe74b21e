"""The page about directives: its examples are right, its tables are the reader's."""

import re
import tomllib
from pathlib import Path

import attrs
import pytest

from maelstrom_core.errors import InputError
from maelstrom_core.filters import EVERYTHING
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.spec import layers, mounts
from maelstrom_core.spec.container import INHERITABLE, container_readers
from maelstrom_core.spec.layers import PREFIX
from maelstrom_core.spec.templates import templates
from maelstrom_core.testrun.directives import SETTINGS, Directives, read_directives
from maelstrom_core.testrun.directives_plan import CasePlan, Planner, images_of
from pytest_maelstrom.choices import CANNOT
from pytest_maelstrom.selectors import SELECTORS

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "directives.md").read_text()
DEFAULT = ContainerSpec(environment=(("PATH", "/bin"),))
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.S)


def rows(title: str) -> dict[str, str]:
    """The table below a title: what stands beside each key."""
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| `(\w+)` \|(.*)\|$", section, re.M)
    return {key: rest for key, rest in found if key != "type"}


def read(text: str) -> Directives:
    return read_directives(
        tomllib.loads(text),
        SELECTORS,
        file="maelstrom-pytest.toml",
        cannot=CANNOT,
        templates=templates("/p"),
    )


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_can_be_used(example: str) -> None:
    directives = read(example)
    assert directives.directives
    for directive in directives.directives:
        # As if it fitted, and nothing else did.
        alone = attrs.evolve(directives, directives=(attrs.evolve(directive, filter=EVERYTHING),))
        planner = Planner(alone, SELECTORS, default=DEFAULT, client={}, project="/p")
        assert planner.for_collecting({}) != CasePlan(container=DEFAULT)


def test_the_tables_are_those_of_the_reader() -> None:
    assert sorted(rows("Keys of a directive")) == sorted(["filter", *SETTINGS])
    assert sorted(rows("Keys of a container")) == sorted(container_readers())
    assert sorted(rows("Layers")) == sorted(layers.NAMES)
    assert sorted(rows("Mounts")) == sorted(mounts.KINDS)
    assert set(INHERITABLE) < set(rows("Keys of a container"))


def test_what_is_refused_is_said_to_be() -> None:
    table = {**rows("Keys of a directive"), **rows("Keys of a container"), **rows("Layers")}

    for key in CANNOT:
        assert "refused" in table[key.partition(" ")[0]]


@pytest.mark.parametrize("kind", layers.KINDS)
def test_every_key_of_a_layer_is_named(kind: str) -> None:
    own = set(layers.KINDS[kind].options) - set(PREFIX)
    for key in own:
        assert f"`{key}`" in rows("Layers")[kind]
    assert ("prefixes" in rows("Layers")[kind]) == (set(PREFIX) <= set(layers.KINDS[kind].options))
    for key in PREFIX:
        assert f"`{key}`" in PAGE


@pytest.mark.parametrize("kind", mounts.KINDS)
def test_every_key_of_a_mount_is_named(kind: str) -> None:
    named = re.findall(r"`(\w+)`", rows("Mounts")[kind].partition("|")[0])

    assert named == list(mounts.KINDS[kind].readers)


def test_faults_are_told_as_shown() -> None:
    shown = re.findall(r"```text\n(.*?)```", PAGE, re.S)[0]

    with pytest.raises(InputError) as raised:
        read(
            """
            directives = [
                { filter = "nome.equals(x)", tiemout = 3 },
                {},
                { mounts = [{ type = "tmpfs" }] },
            ]
            """
        )
    assert sorted(str(raised.value).splitlines()) == sorted(shown.splitlines())


IMAGES = (Path(__file__).parents[2] / "docs" / "guide" / "images.md").read_text()


# That of jobs runs: see test_images_page.py.
@pytest.mark.parametrize("example", re.findall(r"```toml\n(?!# jobs)(.*?)```", IMAGES, re.S))
def test_an_example_of_images_can_be_used(example: str) -> None:
    assert images_of(read(example))
