"""What tests want remembered is there in the next run: values in the cache, Hypothesis' examples."""

import hashlib
import json
import os

CACHE = """
import json, os, sys
import pytest

def send(**fields):
    for name in os.listdir("/proc/self/fd"):
        try:
            if "pipe" in os.readlink(f"/proc/self/fd/{name}") and int(name) > 2:
                os.write(int(name), json.dumps(fields).encode() + b"\\n")
        except OSError:
            pass

def test_counts(cache):
    number = cache.get("shop/runs", 0)
    cache.set("shop/runs", number + 1)
    assert cache.get("shop/runs", 0) == number + 1

@pytest.mark.maelstrom(isolation="fresh")
def test_counts_afresh(pytestconfig):
    pytestconfig.cache.set("shop/fresh", [1, {"a": None}])
    assert False, "what a failed test has set is kept as well"

def test_sets_many(cache):
    for number in range(5):
        cache.set(f"shop/many/{number}", number)

def test_lies():
    send(kind="cached", key="../../outside", value=1)
    send(kind="cached", key="/absolute", value=1)
    send(kind="cached", key=7, value=1)
    send(kind="cached", value=1)
    send(kind="cached", key="cache/lastfailed", value={"test_cache.py::test_lies": True})
    send(kind="cached", key="large", value="x" * (1 << 20))
    data = "aGVsbG8="
    for key, name in [("../../..", "outside"), ("0" * 16, "1" * 16), (None, None), ("0" * 17, "")]:
        send(kind="example", key=key, name=name, data=data)
        send(kind="example", key=key, name=name, data=None)

def test_nothing_of_this_is_loaded_where_it_is_not_used():
    loaded = [name for name in sys.modules if name.partition(".")[0] in ("coverage", "hypothesis")]
    assert loaded == []
    assert "pytest_maelstrom.inside.measuring" not in sys.modules
"""
EXAMPLES = """
import os
import pytest
from hypothesis import given, settings, strategies as some

settings.register_profile("kept", database=settings().database, derandomize=False)
settings.load_profile("kept")

seen, seen_afresh = [], []

@given(some.integers(0, 10**12))
def test_finds(number):
    seen.append(number)
    assert number < int(os.environ.get("LIMIT", 654321)), f"first {seen[0]}"

@pytest.mark.maelstrom(isolation="fresh")
@given(some.integers(0, 10**12))
def test_finds_afresh(number):
    seen_afresh.append(number)
    assert number < 123456, f"first {seen_afresh[0]}"

@pytest.mark.parametrize("many", range(2))
@given(number=some.integers(0, 10**12))
def test_concurrently(many, number):
    assert number < 100
"""


def test_values_in_the_cache_come_back(project, run):
    directory = project({"pytest.ini": "[pytest]\n", "test_cache.py": CACHE})
    for number in (1, 2):
        ran = run(directory, ours=True)
        assert "1 failed, 4 passed" in ran.out, ran.out
        kept = directory / ".pytest_cache" / "v"
        assert json.loads((kept / "shop" / "runs").read_text()) == number
        assert json.loads((kept / "shop" / "fresh").read_text()) == [1, {"a": None}]
        assert sorted(path.name for path in (kept / "shop" / "many").iterdir()) == list("01234")
        assert sorted(path.name for path in kept.iterdir()) == ["cache", "shop"]
        failed = json.loads((kept / "cache" / "lastfailed").read_text())
        assert list(failed) == ["test_cache.py::test_counts_afresh"]
    assert not list(directory.parent.rglob("outside"))
    assert not (directory / ".hypothesis").exists()
    # Without pytest's cache there is none to write to.
    assert run(directory, "-pno:cacheprovider", "-k", "lies", ours=True).code == 0


def test_examples_of_hypothesis_are_tried_first_by_the_next_run(project, run, monkeypatch):
    others = os.environ["PYTEST_ADDOPTS"].replace("-p no:hypothesispytest", "")
    monkeypatch.setenv("PYTEST_ADDOPTS", others)
    directory = project({"pytest.ini": "[pytest]\n", "test_it.py": EXAMPLES})
    home = directory / ".hypothesis"

    def examples():
        return {path for path in (home / "examples").rglob("*") if path.is_file()}

    first = run(directory, ours=True)
    assert "4 failed" in first.out, first.out
    assert len(examples()) > 4
    for path in examples():
        assert path.name == hashlib.sha384(path.read_bytes()).hexdigest()[:16]
    assert (home / ".gitignore").read_text().endswith("\n*\n")
    again = run(directory, "-k", "finds", ours=True)
    assert "first 654321" in again.out, again.out
    assert "first 123456" in again.out
    # What holds by now is forgotten.
    before = examples()
    assert run(directory, "-k", "finds and not afresh", ours=True, LIMIT=f"{10**13}").code == 0
    assert examples() < before
