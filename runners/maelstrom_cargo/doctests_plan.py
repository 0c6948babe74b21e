"""Doctests: how ``rustdoc`` is called for them, and for one of them. Pure.

``rustdoc`` splits what it passes to its harness at spaces, and names of doctests have some
(``src/lib.rs - double (line 6)``): none can be asked for by its whole name. What can be is a part of a
name without spaces, and leaving out such parts; what is said of other tests is not looked at.

Source: "Command-line arguments" of the rustdoc book, and ``src/librustdoc/config.rs``.
"""

from collections.abc import Iterable, Sequence

import attrs

ARGUMENT = "--test-args"
_OF_RUNNERS = ("--test-runtool", "--test-runtool-arg")


@attrs.frozen(kw_only=True)
class Call:
    """One call of ``rustdoc --test``.

    :param arguments: without those of its harness, and without what runs the tests on other machines
    :param harness: arguments of its harness
    :param directories: in which it looks for what was compiled
    :param files: compiled crates
    """

    arguments: tuple[str, ...]
    harness: tuple[str, ...]
    directories: tuple[str, ...]
    files: tuple[str, ...]

    @classmethod
    def read(cls, given: Sequence[str]) -> "Call":
        """Out of the arguments that Cargo gives."""
        arguments: list[str] = []
        harness: list[str] = []
        directories: list[str] = []
        files: list[str] = []
        items = iter(given)
        for item in items:
            name, equals, value = item.partition("=")
            if name in (ARGUMENT, *_OF_RUNNERS):
                value = value if equals else next(items, "")
                harness += value.split() if name == ARGUMENT else []
                continue
            arguments.append(item)
            if item in ("-L", "--extern", "--color"):
                value = next(items, "")
                arguments.append("never" if item == "--color" else value)
                if item == "-L":
                    directories.append(value.partition("=")[2] or value)
                elif item == "--extern" and "=" in value:
                    files.append(value.partition("=")[2])
        return cls(
            arguments=tuple(arguments),
            harness=tuple(harness),
            directories=tuple(dict.fromkeys(directories)),
            files=tuple(dict.fromkeys(files)),
        )

    def to_run(self, harness: Iterable[str]) -> tuple[str, ...]:
        """All arguments, with those of the harness."""
        passed = [word for argument in harness for word in (ARGUMENT, argument)]
        return (*self.arguments, *passed)


def alone(name: str, others: Iterable[str]) -> tuple[str, ...]:
    """Arguments of the harness that choose one doctest, and as few of the others as can be."""
    words = [word for word in name.split() if word not in ("-", "(line")]
    # The line's number and its bracket tell most; a doctest without one is unheard of.
    wanted = words[-1] if words else name
    chosen = [wanted]
    for other in others:
        if other == name or wanted not in other or any(_skips(chosen, other)):
            continue
        apart = [word for word in other.split() if word not in name]
        if apart:
            chosen += ["--skip", max(apart, key=len)]
    return tuple(chosen)


def _skips(chosen: Sequence[str], other: str) -> Iterable[bool]:
    return (word in other for word in chosen[2::2])
