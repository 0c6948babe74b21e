"""Which objects forks count no references to, and that all others die as ever.

Tried with every interpreter of this machine, since the layout of objects differs between them.
"""

import functools
import glob
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
LOOK = "import json, sys; print(json.dumps([sys.version_info[:2], sys.executable, sys.abiflags]))"
LOOKED_AT = ((3, 12), (3, 13))
MADE = """
import abc, functools, gc, sys, types, weakref

class Thing:
    def method(self): return len("constant of a method")
    @staticmethod
    def static(): return 1
    @classmethod
    def of(cls): return cls()
    @property
    def size(self): return 12345.5
    def __del__(self): ended.append("a thing")

class Pretends:
    "Says that it is a class, and cannot be asked what it is."
    @property
    def __class__(self): return type
    def __getattr__(self, name): raise RuntimeError(name)

class Kind(type):
    @property
    def __module__(cls): raise RuntimeError("asked of a class")

class OfKind(metaclass=Kind): pass

ended = []
def plain(number=7, *, words=("a tuple", 1.5)) -> "Thing": return (b"bytes", 3000, words)
def closing_over(held):
    def inner(): return held
    return inner
over_words, over_a_thing = closing_over("words of a closure"), closing_over(Thing())
def with_default(thing=Thing()): return thing
def with_attribute(): pass
with_attribute.thing = Thing()
@functools.wraps(plain)
def wrapped(*arguments): return plain(*arguments)
instance, a_list, a_dict, of_kind, pretends = Thing(), [1], {}, OfKind(), Pretends()
of_constants, of_an_instance = ("one", (2.5, plain)), (Thing(),)

from pytest_maelstrom.inside import immortal
gc.freeze()
told = {"can be": immortal.can_be(), "works": immortal._works()}
if told["can be"]:
    immortal.make_immortal()
"""
TELL_COUNTS = """
import json
parts = {"plain.__code__": plain.__code__, "method": Thing.__dict__["method"],
    "static": Thing.__dict__["static"], "of": Thing.__dict__["of"], "size": Thing.__dict__["size"],
    "sys": sys, "over_words.cell": over_words.__closure__[0],
    "over_a_thing.cell": over_a_thing.__closure__[0],
    "constant": next(one for one in plain.__code__.co_consts if one == b"bytes"),
    "new": closing_over(1)}
told["counts"] = {name: sys.getrefcount(thing) for name, thing in [*globals().items(), *parts.items()]}
print(json.dumps(told))
"""
END = """
import json
told["frozen"] = gc.get_freeze_count() > 1000
seen = weakref.ref(instance), weakref.ref(over_a_thing), weakref.ref(with_default)
instance = of_an_instance = over_a_thing = with_default = with_attribute = None
told["without a collector"] = [len(ended), *(one() is None for one in seen)]
cycle = [Thing()]
cycle.append(cycle)
cycle = None
class New: pass
new = weakref.ref(New)
New = None
gc.collect()
told["after it"] = [len(ended), new() is None]
gc.unfreeze()
told["after all"] = gc.collect() >= 0 and plain()[1] == 3000 and Thing.of().size == 12345.5
print(json.dumps(told))
"""


@functools.cache
def interpreters() -> list[tuple[tuple[int, int], str]]:
    """Ordinary interpreters here, this one among them, on which the inside of containers runs."""
    found = {}
    for path in [
        *sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3*/bin/python3"))),
        sys.executable,
    ]:
        done = subprocess.run([path, "-IS", "-c", LOOK], capture_output=True, timeout=60)
        if done.returncode == 0:
            (major, minor), executable, flags = json.loads(done.stdout)
            if (major, minor) >= (3, 9) and not flags:
                found[major, minor] = executable
    return [*found.items()]


def tell(python: str, script: str) -> Any:
    done = subprocess.run(
        [python, "-c", MADE + script],
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": "/usr/bin", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("version", "python"), interpreters())
def test_code_and_its_constants_are_counted_no_more_and_nothing_else(version, python) -> None:
    told = tell(python, TELL_COUNTS)
    never = {name for name, count in told["counts"].items() if count == 0xFFFFFFFF}
    code = {"plain", "closing_over", "wrapped", "over_words", "over_words.cell", "plain.__code__"}
    code |= {"Thing", "OfKind", "Kind", "method", "static", "of", "size", "constant", "sys", "abc"}
    others = {
        "instance",
        "a_list",
        "a_dict",
        "ended",
        "pretends",
        "of_kind",
        "of_an_instance",
        "new",
    }
    others |= {"over_a_thing", "over_a_thing.cell", "with_default", "with_attribute"}
    assert told["can be"] == (version in LOOKED_AT), told
    if version in LOOKED_AT:
        assert (code | {"of_constants"}) - never == set()
    else:
        assert code & never == set()
    assert others & never == set()


@pytest.mark.parametrize(("version", "python"), interpreters())
def test_what_is_no_code_still_ends_when_nothing_refers_to_it(version, python) -> None:
    told = tell(python, END)
    assert told["frozen"]
    assert told["without a collector"] == [5, True, True, True]
    assert told["after it"] == [6, True]
    assert told["after all"]
