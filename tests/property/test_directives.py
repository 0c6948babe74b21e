"""Whatever is in a file of directives: it is understood, or its faults are told with their places."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.errors import InputError
from maelstrom_core.model.cases import Case
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.ids import CaseId
from maelstrom_core.spec import layers, mounts
from maelstrom_core.testrun.directives import known_keys, read_directives
from maelstrom_core.testrun.directives_plan import Planner
from pytest_maelstrom.selectors import SELECTORS

KEYS = sorted(
    {
        *known_keys(),
        *layers.KINDS,
        *(key for kind in layers.KINDS.values() for key in kind.options),
        *(key for kind in mounts.KINDS.values() for key in kind.readers),
        *("type", "name", "use", "vars", "extend", "link", "target", "pids", "A", "", "é"),
    }
)
TEXTS = st.sampled_from(
    [
        "all",
        "markers.c(m)",
        "/a",
        "a",
        "default",
        "mine",
        "local",
        "bind",
        "tmp",
        "proc",
        "devices",
        "$env{A}",
        "$prev{A:-b}",
        "$",
        "1MiB",
        "2m",
        "0700",
        "null",
        "layers",
        "user",
        "fresh",
        "\x00",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-2, 5) | st.floats() | TEXTS | st.text()


def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)


VALUES = st.recursive(SCALARS, larger, max_leaves=15)
TABLES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4)
FILES = st.fixed_dictionaries(
    {},
    optional={
        "containers": st.dictionaries(st.sampled_from(["mine", "other"]), TABLES) | VALUES,
        "directives": st.lists(TABLES, max_size=3) | VALUES,
    },
)
CASE = Case(id=CaseId("x"), name="x", markers=("m",), details={"node id": "x"})


@given(FILES)
def test_any_file_is_planned_or_refused_in_words(data: dict[str, Any]) -> None:
    try:
        read = read_directives(data, SELECTORS, file="f", cannot={"group_by": "no"})
        planner = Planner(
            read, SELECTORS, default=ContainerSpec(user=3), client={"B": "b"}, project="/p"
        )
        assert isinstance(planner.for_case(CASE).container, ContainerSpec)
        assert planner.for_case(CASE) is planner.for_case(CASE)
    except InputError as bad:
        assert bad.faults
        for fault in bad.faults:
            path, _, what = fault.partition(": ")
            assert path.startswith(("containers", "directives"))
            assert what
