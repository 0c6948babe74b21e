"""Whatever a document of jobs holds, the answer is jobs or all its faults; schema and reader agree."""

import json
from pathlib import Path
from typing import Any

import jsonschema
from hypothesis import event, given, settings
from hypothesis import strategies as st

from maelstrom_core.errors import InputError
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.job import JobSpec
from maelstrom_core.spec.job import DOCUMENT, job_readers
from maelstrom_core.spec.jobs_plan import JobPlanner

ROOT = Path(__file__).parents[2]
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "docs" / "reference" / "maelstrom-run.schema.json").read_text())
)
KEYS = [*job_readers(), *DOCUMENT, "name", "use", "vars", "extend", "type", "paths", "file"]
TEXTS = st.sampled_from(
    [
        "",
        "x",
        "/x",
        "/",
        "default",
        "2m",
        "1GB",
        "$env{A}",
        "${",
        "local",
        "tmp",
        "layers",
        "\0",
        "777",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-200, 200) | st.floats() | TEXTS | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)
RIGHT: dict[str, st.SearchStrategy[Any]] = {
    "program": st.sampled_from(["x", "/x"]),
    "arguments": st.lists(st.sampled_from(["", "a"]), max_size=2),
    "timeout": st.sampled_from([0, 1.5, "2m"]),
    "priority": st.integers(-128, 127),
    "slots": st.integers(1, 9),
    "stdin": st.sampled_from(["", "x", {"file": "x"}]),
    "outputs": st.sampled_from(["*", ["a", "b"]]),
    "parent": st.sampled_from(["default", {"name": "default", "use": ["layers", "environment"]}]),
    "added_environment": st.sampled_from(
        [{"A": "b"}, [{"vars": {"A": "$prev{B:-c}"}, "extend": True}]]
    ),
    "added_layers": st.sampled_from([[], [{"paths": ["a"]}], [{"glob": "*", "root": "b"}]]),
    "mounts": st.sampled_from([[], [{"type": "proc", "mount_point": "/proc"}]]),
    "network": st.sampled_from(["disabled", "loopback", "local"]),
}
ALMOST = st.fixed_dictionaries({}, optional=RIGHT).flatmap(
    lambda right: st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=1).map(
        lambda wrong: {**right, **wrong}
    )
)
DOCUMENTS = (
    ALMOST
    | st.fixed_dictionaries({"jobs": st.lists(ALMOST, max_size=3)})
    | st.dictionaries(st.sampled_from(KEYS) | st.text(), VALUES, max_size=4)
)


@settings(max_examples=300)
@given(DOCUMENTS)
def test_a_document_is_jobs_or_its_faults(document: dict[str, Any]) -> None:
    planner = JobPlanner(default=ContainerSpec(), client={}, project="/p")
    try:
        planned = planner.take(document, what="it")
    except InputError as error:
        assert error.faults
        assert len(set(error.faults)) == len(error.faults)
        return

    event(f"{min(len(planned), 2)} jobs or more")
    assert all(isinstance(one.job, JobSpec) for one in planned)
    # What the reader takes, an editor does not call wrong.
    SCHEMA.validate(document)
