"""Jobs and results come back equal from their bytes, and no bytes of a peer do more than be refused."""

import attrs
import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.cluster import bodies
from maelstrom_core.cluster.containers import (
    container_bytes,
    container_of,
    spec_of,
    why_local,
    why_not_elsewhere,
)
from maelstrom_core.errors import InputError
from maelstrom_core.model import outcome as o
from maelstrom_core.model.container import (
    Bind,
    Container,
    ContainerSpec,
    Devices,
    Limits,
    Network,
    Proc,
    Root,
    Template,
    Tmp,
)
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.job import JobSpec, TerminalSize
from maelstrom_core.model.layers import StoredLayer
from maelstrom_core.model.limits import Limit, LimitHit
from maelstrom_core.wire.rows import MOST_BODY_BYTES
from maelstrom_core.wire.shapes import BadMessage

HERE = ContainerSpec(layers=(StoredLayer(digest=Digest.of(b"x")),))
# Names of files and values of variables need not be UTF-8.
texts = st.text(max_size=8) | st.binary(max_size=8).map(
    lambda data: data.decode("utf-8", "surrogateescape")
)
many = st.lists(texts, max_size=3).map(tuple)
data = st.binary(max_size=20)
seconds = st.floats(0, 1e6) | st.integers(0, 100)
counts = st.integers(0, 1 << 40)
limits = st.builds(
    LimitHit, st.sampled_from(Limit), st.floats(0, 1e18), texts, texts, st.booleans()
)
outcomes = (
    st.builds(o.Exited, st.integers(0, 255))
    | st.builds(o.Signaled, st.integers(1, 64), st.booleans())
    | st.builds(o.OverLimit, limits, st.integers(0, 64))
    | st.builds(o.TimedOut, seconds, st.booleans())
    | st.builds(
        o.CouldNotStart, texts, texts, st.integers(0, 133), texts, texts, st.sampled_from(o.Whose)
    )
    | st.builds(o.HostFailed, texts, texts)
    | st.builds(o.InputFailed, many)
    | st.builds(o.Cancelled, texts, st.booleans())
)
captured = st.builds(o.Captured, head=data, tail=data, total_bytes=counts)
results = st.builds(
    o.JobResult,
    outcome=outcomes,
    stdout=captured,
    stderr=captured,
    report=data,
    usage=st.builds(
        o.Usage,
        wall_seconds=seconds,
        user_seconds=seconds,
        system_seconds=seconds,
        peak_memory_bytes=counts,
    ),
    degraded=many,
    not_forked=texts,
    seen=texts,
    limits_hit=st.lists(limits, max_size=2).map(tuple),
    outputs=st.lists(
        st.builds(o.LeftFile, path=texts, mode=st.integers(0, 0o7777), data=data), max_size=2
    ).map(tuple),
    outputs_missing=many,
    changes=st.none()
    | st.builds(o.RootChanges, layer=data.map(Digest.of), entries=counts, size_bytes=counts),
    changes_missing=texts,
    broken_off=st.booleans(),
)
jobs = st.builds(
    JobSpec,
    container=st.just(HERE),
    program=texts,
    arguments=many,
    environment=st.lists(st.tuples(texts, texts), max_size=2).map(tuple),
    working_directory=texts,
    timeout=st.none() | seconds,
    later_timeouts=st.lists(st.none() | seconds, max_size=2).map(tuple),
    stack_signal=st.integers(0, 64),
    grace=seconds,
    priority=st.integers(-1000, 1000),
    expected_duration=st.none() | seconds,
    slots=st.integers(1, 64),
    output_bytes=counts,
    keep_output=st.booleans(),
    report=st.booleans(),
    stdin=data,
    fork=st.none() | data,
    warm_up=st.booleans(),
    terminal=st.none() | st.builds(TerminalSize, st.integers(1, 500), st.integers(1, 500)),
    attachable=st.booleans(),
    outputs=many,
    outputs_bytes=counts,
    label=texts,
    fault=texts,
    viewed=st.booleans(),
)


@given(jobs)
def test_every_job_comes_back_equal(job: JobSpec) -> None:
    assert bodies.job_of(bodies.job_bytes(job), HERE) == job


@given(results)
def test_every_result_comes_back_equal(result: o.JobResult) -> None:
    assert bodies.result_of(bodies.result_bytes(result)) == result


def test_these_strategies_know_every_field() -> None:
    """So that a new field is not forgotten here, as it cannot be in the tables."""
    job, result = JobSpec(container=HERE, program="true"), o.JobResult(outcome=o.Exited(0))
    full = {name for name, *_ in (("container",), ("program",))}
    assert full | set(attrs.asdict(job, recurse=False)) == set(attrs.fields_dict(JobSpec))
    assert bodies.job_of(bodies.job_bytes(job), HERE) == job
    assert bodies.result_of(bodies.result_bytes(result)) == result


def test_what_says_little_is_short() -> None:
    job = JobSpec(container=HERE, program="/bin/true", label="one")
    assert len(bodies.job_bytes(job)) < 20
    assert len(bodies.result_bytes(o.JobResult(outcome=o.Exited(0)))) < 8


@given(jobs, st.lists(st.integers(-9, 9) | st.text(max_size=3), min_size=1, max_size=2))
def test_fields_of_newer_peers_are_ignored(job: JobSpec, news: list[object]) -> None:
    full = attrs.evolve(job, viewed=True)
    plain = cbor2.loads(bodies.job_bytes(full))
    assert bodies.job_of(cbor2.dumps([*plain, *news]), HERE) == full


cbor = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | data,
    lambda inner: st.lists(inner, max_size=6),
    max_leaves=30,
)


@given(
    st.binary(max_size=60) | cbor.map(cbor2.dumps) | st.lists(cbor, max_size=24).map(cbor2.dumps)
)
def test_no_bytes_do_more_than_be_refused(hostile: bytes) -> None:
    for read in (lambda: bodies.job_of(hostile, HERE), lambda: bodies.result_of(hostile)):
        try:
            read()
        except BadMessage as fault:
            assert len(str(fault)) < 300


@pytest.mark.parametrize(
    ("plain", "what"),
    [
        ([], "not a JobSpec"),
        ([1], "program: not a text: 1"),
        (["x", "yes"], "arguments: not a list"),
        (["x", [], "", float("nan")], "timeout: not a number from 0"),
        (["x", [], "", -1], "timeout: not a number from 0"),
        (["x", [], "", True], "timeout: not a number from 0"),
        (["x", [], "", None, None, 1], "report: neither true nor false"),
        (["x", [], "", None, None, False, [["a"]]], "environment: not a name and a value"),
    ],
)
def test_what_is_wrong_with_a_job_is_said(plain: list[object], what: str) -> None:
    with pytest.raises(BadMessage, match=what):
        bodies.job_of(cbor2.dumps(plain), HERE)


def test_long_jobs_go_by_another_way() -> None:
    short, here = bodies.body_of_job(b"short")
    assert (bodies.read_body(short), here) == (b"short", None)
    row, there = bodies.body_of_job(b"x" * MOST_BODY_BYTES)
    assert there is not None
    assert bodies.read_body(row) == there.digest == Digest.of(there.data)
    assert len(row) == 33
    for hostile in (b"", b"\2abc", b"\1short"):
        with pytest.raises(BadMessage):
            bodies.read_body(hostile)


# Containers

FULL = Container(
    layers=(Digest.of(b"a"), Digest.of(b"b")),
    mounts=(Proc(), Devices(), Tmp(target="/tmp", size_bytes=5)),
    root=Root(writable=True),
    environment=(("A", "\udcff"), ("B", "b")),
    limits=Limits(cpu=1.5),
    template=Template(program="python", stdin=b"\0x"),
)


def name_of(encoded: bytes) -> bytes:
    return bytes.fromhex(Digest.of(encoded).hex)


def test_a_container_comes_back_equal() -> None:
    encoded = container_bytes(FULL)
    assert name_of(encoded).hex() == FULL.digest.hex
    assert container_of(name_of(encoded), encoded) == FULL
    spec = spec_of(FULL, "the cluster")
    assert [one.digest for one in spec.layers if isinstance(one, StoredLayer)] == list(FULL.layers)
    assert attrs.asdict(spec, recurse=False) | {"layers": ()} == attrs.asdict(
        FULL, recurse=False
    ) | {"layers": ()}


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"\x80",
        cbor2.dumps({"user": "0"}),
        cbor2.dumps({0: 0}),
        cbor2.dumps({"user": True}),
        cbor2.dumps({"nonsense": 1}),
        cbor2.dumps({"template": {"program": "x", "stdin": 1 << 40}}),
        cbor2.dumps({"limits": {"cpu": "1.5"}}),
        cbor2.dumps({"mounts": [{"kind": "Nothing"}]}),
        cbor2.dumps({"environment": [["a"]]}),
        cbor2.dumps({"layers": ["short"]}),
        cbor2.dumps(cbor2.CBORTag(35, "(a|a)*")),
        cbor2.dumps({"user": cbor2.CBORTag(2, b"\1")}),
        container_bytes(FULL) + b"\0",
        b"\xbf\xff",
    ],
)
def test_what_is_no_container_is_refused(hostile: bytes) -> None:
    with pytest.raises(InputError, match="bad"):
        container_of(name_of(hostile), hostile)


@given(
    st.binary(max_size=80)
    | st.dictionaries(
        st.sampled_from(["user", "root", "template", "limits", "layers"]), cbor, max_size=3
    ).map(cbor2.dumps)
)
def test_no_bytes_of_a_container_do_more_than_be_refused(hostile: bytes) -> None:
    try:
        container_of(name_of(hostile), hostile)
    except InputError as fault:
        assert len(str(fault)) < 20_000


def test_bytes_that_another_name_names_are_refused() -> None:
    with pytest.raises(InputError, match="not those that its digest names"):
        container_of(b"x" * 32, container_bytes(FULL))


def test_what_runs_on_its_clients_machine_alone() -> None:
    anywhere = JobSpec(container=HERE, program="true", attachable=True, fork=b"x")
    assert why_local(anywhere) == ""
    for container, why in (
        (attrs.evolve(HERE, network=Network.LOCAL), "network of its client"),
        (attrs.evolve(HERE, mounts=(Bind(source="/home", target="/h"),)), "shows /home of"),
    ):
        assert why in why_not_elsewhere(container)
        assert why in why_local(attrs.evolve(anywhere, container=container))
    assert "warms up" in why_local(attrs.evolve(anywhere, warm_up=True))
    captured = attrs.evolve(HERE, root=Root(writable=True, captured=True))
    assert why_local(attrs.evolve(anywhere, container=captured)) == ""
    assert why_local(attrs.evolve(anywhere, terminal=TerminalSize(2, 2))) == ""
    for anywhere_too in (
        attrs.evolve(anywhere, keep_output=False),
        attrs.evolve(anywhere, later_timeouts=(None,)),
    ):
        assert anywhere_too.in_order
        assert why_local(anywhere_too) == ""
