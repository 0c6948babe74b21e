"""Documents of jobs: what they come to, and all that is wrong with them."""

from typing import Any

import pytest

from maelstrom_core.errors import InputError
from maelstrom_core.model.container import Bind, ContainerSpec, Network, Tmp
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.layers import PathsLayer, StubsLayer
from maelstrom_core.spec.jobs_plan import JobPlanner

DEFAULT = ContainerSpec(
    layers=(PathsLayer(paths=("/etc/hosts",)),),
    environment=(("HOME", "/tmp"), ("PATH", "/bin")),
    working_directory="/tmp",
)


@pytest.fixture
def planner() -> JobPlanner:
    return JobPlanner(
        default=DEFAULT, client={"USER": "ann", "EMPTY": ""}, project="/p", timeout=7.0
    )


def jobs(planner: JobPlanner, document: dict[str, Any], *command: str) -> list[JobSpec]:
    return [one.job for one in planner.take(document, what="it", command=command)]


def faults(planner: JobPlanner, document: dict[str, Any]) -> list[str]:
    with pytest.raises(InputError) as raised:
        planner.take(document, what="it")
    return sorted(raised.value.faults)


def test_everything_that_can_be_said_of_a_job_arrives(planner: JobPlanner) -> None:
    (job,) = jobs(
        planner,
        {
            "program": "sh",
            "arguments": ["-c", ""],
            "label": "l",
            "timeout": "2m",
            "priority": 3,
            "estimated_duration": 1.5,
            "slots": 2,
            "stdin": "ä",
            "outputs": "*.txt",
            "outputs_size": "1kB",
            "network": "loopback",
        },
    )

    assert (job.program, job.arguments, job.label) == ("sh", ("-c", ""), "l")
    assert (job.timeout, job.priority, job.expected_duration, job.slots) == (120.0, 3, 1.5, 2)
    assert (job.stdin, job.outputs, job.outputs_bytes) == ("ä".encode(), ("*.txt",), 1000)
    assert job.container.network is Network.LOOPBACK


def test_a_job_that_says_nothing_of_its_files_has_the_default_container(
    planner: JobPlanner,
) -> None:
    (job,) = jobs(planner, {"program": "x", "added_environment": {"A": "$env{USER}$prev{HOME}"}})

    assert job.container.layers == DEFAULT.layers
    assert dict(job.environment) == {"HOME": "/tmp", "PATH": "/bin", "A": "ann/tmp"}
    assert job.working_directory == "/tmp"
    assert job.timeout == 7.0


def test_a_job_with_layers_of_its_own_has_nothing_else(planner: JobPlanner) -> None:
    (job,) = jobs(planner, {"program": "x", "layers": [{"stubs": ["/a"]}], "timeout": 0})

    assert job.container.layers == (StubsLayer(stubs=("/a",)),)
    assert (job.environment, job.working_directory, job.timeout) == ((), "/", None)


def test_thousands_of_jobs_share_one_container_object(planner: JobPlanner) -> None:
    made = [
        job
        for number in range(3000)
        for job in jobs(
            planner,
            {
                "program": "x",
                "network": "local",
                "added_environment": {"SEED": str(number)},
                "working_directory": f"/{number}",
            },
        )
    ]

    assert len({id(job.container) for job in made}) == 1
    assert dict(made[2999].environment)["SEED"] == "2999"
    assert made[2999].working_directory == "/2999"


def test_containers_are_known_to_later_documents_and_within_their_own(planner: JobPlanner) -> None:
    assert jobs(planner, {"containers": {"a": {"parent": "default", "user": 5}}}) == []
    (one, other) = jobs(
        planner,
        {
            "containers": {"b": {"parent": "a", "group": 6}},
            "jobs": [{"program": "x", "parent": "b"}, {"program": "y", "parent": "a"}],
        },
    )

    assert (one.container.user, one.container.group) == (5, 6)
    assert (other.container.user, other.container.group) == (5, 0)


def test_sources_of_binds_are_relative_to_the_project(planner: JobPlanner) -> None:
    mounts = [
        {"type": "bind", "mount_point": "/a", "local_path": "b", "read_only": True},
        {"type": "tmp", "mount_point": "/t", "size": "1MiB"},
    ]
    (job,) = jobs(planner, {"program": "x", "mounts": mounts})

    assert job.container.mounts == (
        Bind(source="/p/b", target="/a"),
        Tmp(target="/t", size_bytes=1 << 20),
    )


def test_a_command_takes_the_place_of_program_and_arguments(planner: JobPlanner) -> None:
    written = {"program": "x", "arguments": ["y"]}

    assert jobs(planner, written, "sh")[0].arguments == ()
    assert jobs(planner, {}, "sh", "-c")[0].arguments == ("-c",)


def test_standard_input_may_be_a_file(planner: JobPlanner) -> None:
    (planned,) = planner.take({"program": "x", "stdin": {"file": "in"}}, what="it")

    assert (planned.stdin_file, planned.job.stdin) == ("in", b"")


def test_all_faults_are_told_together_each_with_its_place(planner: JobPlanner) -> None:
    told = faults(
        planner,
        {
            "containers": {"a": {"parent": "b"}, "default": {}},
            "jobs": [
                {"programm": "x", "layers": [{"pahts": []}]},
                {"program": "x", "parent": "nobody", "timeout": "x"},
                "no table",
                {"program": "x", "environment": {"A": "$env{NOT_SET}"}},
                {"program": "x", "expected_duration": 1, "estimated_duration": 1},
                {"program": "x", "layers": [], "added_layers": []},
            ],
        },
    )

    assert told == sorted(
        [
            "containers.a.parent: no container b; known: a, default, default",
            "containers.default: default is there already: choose another name",
            "jobs[0].programm: unknown; did you mean program?",
            "jobs[0]: program is missing",
            "jobs[0].layers[0]: no kind of layer: pahts; did you mean paths?",
            "jobs[1].parent: no container nobody; known: a, default",
            "jobs[1].timeout: expected a number of seconds such as 30 or 2m, not 'x'",
            "jobs[2]: expected a table, not 'no table'",
            "jobs[3].environment.A: $env{NOT_SET} is not set; $env{NOT_SET:-…} gives a default",
            "jobs[4].estimated_duration: either expected_duration or estimated_duration",
            "jobs[5].added_layers: either layers or added_layers",
            "jobs[5].added_layers: there is no parent to add to: write layers",
        ]
    )


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({}, "program is missing"),
        ({"allocate_tty": 1, "program": "x"}, "allocate_tty: expected true or false"),
        ({"jobs": [], "program": "x"}, "program: a job's own keys cannot stand beside jobs"),
        ({"jobs": {}}, "jobs: expected a list, not {}"),
        ({"program": "a\0b"}, "program: expected a text"),
        ({"program": "x", "stdin": 3}, "stdin: expected a text, or a table with file, not 3"),
        ({"program": "x", "priority": True}, "priority: expected a whole number from -128 to 127"),
    ],
)
def test_a_fault_is_told(planner: JobPlanner, document: dict[str, Any], told: str) -> None:
    (found,) = faults(planner, document)

    assert found.startswith(told)


def test_nothing_is_taken_of_a_document_with_a_fault(planner: JobPlanner) -> None:
    faults(planner, {"containers": {"a": {"layers": []}}, "programm": "x"})

    assert "no container a" in faults(planner, {"program": "x", "parent": "a"})[0]
    assert len(jobs(planner, {"containers": {"a": {"layers": []}}, "program": "x"})) == 1


def test_a_container_cannot_be_written_anew(planner: JobPlanner) -> None:
    jobs(planner, {"containers": {"a": {"layers": []}}})

    (told,) = faults(planner, {"containers": {"a": {"layers": []}}})
    assert told == "containers.a: a is there already: choose another name"
