"""Every story of a small world, the shortest first; states in which it has been before are left out."""

from collections import deque
from collections.abc import Callable
from types import MethodType
from typing import Any

from simulated.small import Choice, SmallWorld

_NOISE = frozenset({
    # What is remembered for people, and counts that nothing depends on.
    "stories", "totals", "recent", "started", "run", "past", "serial", "_serial",
    # The order of clients among each other: here is one. Places in a queue stand in its order below.
    "tick", "_tick", "rank", "_ranks", "number", "key", "_heap",
    # What time it is; all times are told from now.
    "now", "look_at", "heard", "handed_in_at", "results_at",
    "output_left", "learned_left", "_effects",
})  # fmt: skip
_NOISE_OF = {"Client": frozenset({"done", "taken"})}
_fields: dict[type, tuple[str, ...]] = {}


class Lost(AssertionError):
    """A story that ends badly.

    :param story: what has happened, in order
    """

    def __init__(self, fault: object, story: list[Choice]) -> None:
        steps = "\n".join(f"    {choice!r}," for choice in story)
        super().__init__(f"{fault}\nafter this; give it a name, and let it stay:\n{steps}")
        self.story = story


def walk(
    world: SmallWorld, depth: int, told: Callable[[str], None] = lambda _: None
) -> tuple[int, int]:
    """Try all that may happen in it.

    :param depth: so many choices at most; then it goes on by itself to its end
    :param told: how far it is, often
    :return: how many states there are, and how many of them are ends
    :raises Lost: if something does not hold
    """
    seen = {key_of(world)}
    parents: list[tuple[int, Choice]] = [(-1, ())]
    todo = deque([(0, 0, world.copied())])
    ends = 0
    while todo:
        number, deep, copy = todo.popleft()
        if number % 100 == 0:
            told(f"{len(seen)} states, {len(todo)} to go on from, {deep} choices deep")
        after = SmallWorld.of(copy)
        by_itself, troubles = after.choices(), after.troubles()
        goes_on = False
        choices = [*troubles, *by_itself] if deep < depth else []
        for index, choice in enumerate(choices):
            if index:
                after = SmallWorld.of(copy)
            try:
                after.do(choice)
            except Exception as fault:
                raise Lost(repr(fault), [*_story(parents, number), choice]) from fault
            key = key_of(after)
            goes_on = goes_on or choice in by_itself
            if key not in seen:
                seen.add(key)
                parents.append((number, choice))
                todo.append((len(parents) - 1, deep + 1, after.copied()))
        if not goes_on:
            _end(SmallWorld.of(copy), _story(parents, number))
            ends += 1
    return len(seen), ends


def live(world: SmallWorld, story: list[Choice]) -> None:
    """One story, and then to its end.

    :raises Lost: if something does not hold
    """
    done: list[Choice] = []
    for choice in story:
        done.append(choice)
        try:
            world.do(choice)
        except Exception as fault:
            raise Lost(repr(fault), done) from fault
    _end(world, done)


def _end(world: SmallWorld, story: list[Choice]) -> None:
    done = list(story)
    try:
        while choices := world.choices():
            assert len(done) < len(story) + 300, "it never comes to an end"
            done.append(choices[0])
            world.do(choices[0])
        world.check_end()
    except Exception as fault:
        raise Lost(repr(fault), done) from fault


def _story(parents: list[tuple[int, Choice]], number: int) -> list[Choice]:
    story = []
    while number:
        number, choice = parents[number]
        story.append(choice)
    return story[::-1]


def key_of(world: SmallWorld) -> int:
    """The same for states from which the same things can come."""
    names = {link.peer: b"<%s>" % link.party.encode() for link in world.links.values()}
    names |= {link.peer: b"<gone %d>" % number for number, link in enumerate(world.gone)}
    out: list[Any] = []
    seen: dict[int, int] = {}
    now = world.now

    def told(value: Any) -> None:
        kind = type(value)
        if value is None or kind is int or kind is str or kind is bool:
            out.append(value)
        elif kind is bytes:
            out.append(names.get(value, value))
        elif kind is float:
            out.append(value if value > 1e9 else max(0.0, round(value - now, 1)))
        elif isinstance(value, tuple | list | deque):
            out.append(len(value))
            for one in value:
                told(one)
        elif isinstance(value, dict):
            out.append(len(value))
            for name, one in value.items():
                told(name)
                told(one)
        elif isinstance(value, set | frozenset):
            out.append(tuple(sorted(map(repr, value))))
        elif isinstance(value, int):
            out.append(int(value))
        elif kind is MethodType:
            out.append(value.__func__.__qualname__)
        elif callable(value):
            out.append(value.__qualname__)
        elif id(value) in seen:
            out.append(("again", seen[id(value)]))
        else:
            seen[id(value)] = len(seen)
            out.append(kind.__name__)
            thing(value, kind)

    def thing(value: Any, kind: type) -> None:
        for name in _fields.get(kind) or _fields_of(value, kind):
            if name == "_timers":
                for when, _, call, subject in sorted(value._timers, key=lambda one: one[:2]):
                    told((when, call, subject))
            elif name in ("links", "peers"):
                known = getattr(value, name)  # in whichever order they have come
                for peer in sorted(known, key=lambda one: names.get(one, one)):
                    told((peer, known[peer]))
            elif name == "queues" and kind.__name__ == "Demand":
                told(list(value.queues.values()))
            elif name == "jobs" and kind.__name__ == "JobQueue":
                told([value.jobs[place] for place in sorted(value.jobs)])
            else:
                told(getattr(value, name))

    told(world)
    return hash(tuple(out))


def _fields_of(value: Any, kind: type) -> tuple[str, ...]:
    names = [name for one in kind.__mro__ for name in one.__dict__.get("__slots__", ())]
    names += getattr(value, "__dict__", {})
    noise = _NOISE | _NOISE_OF.get(kind.__name__, frozenset()) | {"__weakref__"}
    found = tuple(dict.fromkeys(name for name in names if name not in noise))
    _fields[kind] = found or ("__class__",)
    return _fields[kind]
