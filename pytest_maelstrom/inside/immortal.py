"""What lives as long as a template does, made immortal: forks then count no references to it.

A fork that looks at an object writes to it, for its references are counted up and down in it, and what
is written to is copied, a page at a time. Since Python 3.12 there is a count that stands for "never
dies" and is left alone (PEP 683): ``None`` has it, and so have the interpreter's own classes. Here it
is given to what code is made of: functions, classes, modules, and constants. Nearly all of that refers
to itself in a circle, and a fork never looks for garbage among what its template had; so it would not
die in a fork anyway. Instances of other classes die as ever, whatever refers to them: what would keep
one alive is left as it is.

Standard library only. It knows how the interpreter lays out its objects, so it does nothing for one that
has not been looked at.
"""

import gc
import sys
import types
import typing
from typing import Any, Callable, Dict, List

from pytest_maelstrom.inside.machine import all_memory

_LOOKED_AT = ((3, 12), (3, 13))
"""Versions whose layout is known here."""
_NEVER = 0xFFFFFFFF
"""Their count of what never dies."""
_WORD = 8
"""Bytes of a count, which is the first thing in an object."""
_DEEPEST = 30
"""So far parts of parts are looked at."""
_CONSTANTS = frozenset({str, bytes, int, float, complex, bool, type(None), type(Ellipsis)})
"""Types of what refers to nothing, cannot be referred to weakly, and has no end to be noticed."""
_ALWAYS = frozenset(
    {
        types.CodeType,
        types.MethodDescriptorType,
        types.WrapperDescriptorType,
        types.GetSetDescriptorType,
        types.MemberDescriptorType,
        types.ClassMethodDescriptorType,
    }
)
"""Types of what the compiler makes for a function, and C code for a class."""
_PLAIN = _CONSTANTS | _ALWAYS
_OF_ANNOTATIONS = frozenset(
    {types.GenericAlias, getattr(types, "UnionType", types.GenericAlias)}
    | {kind for kind in vars(typing).values() if type(kind) is type and kind.__module__ == "typing"}
)
"""Types of what annotations are made of; not immortal, but may be kept by what is."""


def can_be() -> bool:
    """Whether this interpreter's objects can be made immortal."""
    return (
        sys.implementation.name == "cpython"
        and sys.version_info[:2] in _LOOKED_AT
        and sys.maxsize > 1 << 32
        and not hasattr(sys, "gettotalrefcount")  # a build that checks counts
        and not sys.abiflags  # or one without the one lock, whose counts are others
        and _works()
    )


def make_immortal() -> None:
    """Make immortal what can be.

    To be called when what is to live has been made, and the garbage has been thrown away.
    """
    gc.unfreeze()  # what is frozen is not told
    objects = gc.get_objects()
    gc.freeze()
    counts, modules = all_memory(), {id(module) for module in sys.modules.values()}
    codes: List[types.CodeType] = []
    lasts = _Lasting().lasts
    for thing in objects:
        kind = type(thing)
        if kind in _ALWAYS or (lasts(thing) if kind in _PARTS else _are_classes(kind)):
            counts[id(thing) // _WORD] = _NEVER
            if kind is types.FunctionType:
                codes.append(thing.__code__)
            elif kind is tuple:
                for part in thing:
                    if type(part) in _CONSTANTS:
                        counts[id(part) // _WORD] = _NEVER
        elif kind is types.ModuleType and id(thing) in modules:
            counts[id(thing) // _WORD] = _NEVER
    for code in codes:  # grows meanwhile
        parts = (code, code.co_name, code.co_qualname, code.co_filename, code.co_consts)
        for part in (*parts, *code.co_consts):
            kind = type(part)
            if kind in _PLAIN or kind is tuple:
                counts[id(part) // _WORD] = _NEVER
            if kind is types.CodeType and part is not code:
                codes.append(part)


def _are_classes(kind: type) -> bool:
    """Whether objects of a type are classes. Never asked of objects: some pretend to be of another."""
    return issubclass(kind, type)


def _works() -> bool:
    """Whether an object that is given the count of ``None`` keeps it."""
    counts, thing = all_memory(), ["never dies"]
    if counts[id(None) // _WORD] != _NEVER:
        return False
    place = id(thing) // _WORD
    mortal, counts[place] = counts[place], _NEVER
    more = [thing] * 100
    kept = counts[place] == _NEVER
    more.clear()
    kept = kept and counts[place] == _NEVER
    counts[place] = mortal
    return kept


class _Lasting:
    """Tells of objects whether they keep nothing alive but what lives as long as they do anyway."""

    def __init__(self) -> None:
        self._known: Dict[int, bool] = {}

    def lasts(self, thing: Any, depth: int = 0) -> bool:
        """Whether an object may be immortal."""
        kind = type(thing)
        if kind in _PLAIN:
            return True
        parts = _PARTS.get(kind) or (_of_dict if kind is dict else None)
        if parts is None:
            return kind is types.ModuleType or kind in _OF_ANNOTATIONS or _are_classes(kind)
        known = self._known.get(id(thing))
        if known is None:
            if depth > _DEEPEST:
                return False
            self._known[id(thing)] = known = False  # what leads back here is left as it is
            for part in parts(thing):
                if type(part) not in _PLAIN and not self.lasts(part, depth + 1):
                    break
            else:
                self._known[id(thing)] = known = True
        return known


def _of_function(function: Any) -> List[Any]:
    """What it refers to, but for names that are its module's: those it cannot keep alive alone.

    Asked by the collector, since attributes would be made by being asked for.
    """
    left_out = (id(function.__globals__), id(function.__builtins__))
    return [one for one in gc.get_referents(function) if id(one) not in left_out]


def _of_cell(cell: Any) -> List[Any]:
    """What it holds; an empty one may come to hold anything, and is a part that does not last."""
    return gc.get_referents(cell) or [cell]


def _of_builtin(function: Any) -> List[Any]:
    return [function.__self__]


def _of_dict(content: Dict[Any, Any]) -> List[Any]:
    return [*content, *content.values()]


_PARTS: Dict[type, Callable[[Any], List[Any]]] = {
    types.FunctionType: _of_function,
    types.BuiltinFunctionType: _of_builtin,
    types.CellType: _of_cell,
    classmethod: gc.get_referents,
    staticmethod: gc.get_referents,
    property: gc.get_referents,
    tuple: list,
    frozenset: list,
}
"""What must last if an object of a type is to last. A dictionary can be given anything later."""
