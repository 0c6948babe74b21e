"""Doctests: how ``rustdoc`` is called for them, and what comes of it. Pure.

It is called once to compile them, with a script in the place of what would run them on another machine:
the script keeps each program, and says that it has failed, with a name for it, which ``rustdoc`` shows
beside the doctest's own. Doctests of the 2024 edition are one program, which runs itself for each of
them, with a number: it too can be told to run a script.

Of the rest, those that are to panic cannot be told apart so. ``rustdoc`` is called for one at a time.
It splits what it passes to its harness at spaces, and names of doctests have some
(``src/lib.rs - double (line 6)``): none can be asked for by its whole name. What can be is a part of a
name without spaces, and leaving out such parts; what is said of other tests is not looked at.

Sources: "Command-line arguments" of the rustdoc book; ``src/librustdoc/config.rs``, ``doctest.rs`` and
``doctest/runner.rs``.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import attrs

from maelstrom_cargo.libtest_plan import failure_of, results

ARGUMENT = "--test-args"
RUN_BY, NUMBER = "RUSTDOC_DOCTEST_BIN_PATH", "RUSTDOC_DOCTEST_RUN_NB_TEST"
"""Variables of a program that holds many doctests: what it runs for each, and which one is to run."""
_KEPT = re.compile(r"^maelstrom-(?:kept|number) (\S+)$", re.M)
KEEP_SCRIPT = """\
#!/bin/sh
name=${1%/*}
name=${name##*/}.kept
ln "$1" "${0%/*}/$name" 2>/dev/null || cp "$1" "${0%/*}/$name"
echo "maelstrom-kept $name"
exit 1
"""
"""Keeps what ``rustdoc`` has compiled beside itself, under the name of its temporary directory and more,
for that directory may be there too."""
NUMBER_SCRIPT = f'#!/bin/sh\necho "maelstrom-number ${NUMBER}"\nexit 1\n'
"""Says which doctest it is run for."""
_SHOWN_BYTES = 60_000
_OF_RUNNERS = ("--test-runtool", "--test-runtool-arg")


@attrs.frozen(kw_only=True)
class Call:
    """One call of ``rustdoc --test``.

    :param arguments: without those of its harness, and without what runs the tests on other machines
    :param harness: arguments of its harness
    :param directories: in which it looks for what was compiled
    :param files: compiled crates
    :param run_in: directory in which doctests run; empty: where it is called
    """

    arguments: tuple[str, ...]
    harness: tuple[str, ...]
    directories: tuple[str, ...]
    files: tuple[str, ...]
    run_in: str = ""

    @classmethod
    def read(cls, given: Sequence[str]) -> "Call":
        """Out of the arguments that Cargo gives."""
        arguments: list[str] = []
        harness: list[str] = []
        directories: list[str] = []
        files: list[str] = []
        run_in = ""
        items = iter(given)
        for item in items:
            name, equals, value = item.partition("=")
            if name in (ARGUMENT, *_OF_RUNNERS):
                value = value if equals else next(items, "")
                harness += value.split() if name == ARGUMENT else []
                continue
            arguments.append(item)
            if item in ("-L", "--extern", "--color", "--test-run-directory"):
                value = next(items, "")
                arguments.append("never" if item == "--color" else value)
                if item == "--test-run-directory":
                    run_in = value
                elif item == "-L":
                    directories.append(value.partition("=")[2] or value)
                elif item == "--extern" and "=" in value:
                    files.append(value.partition("=")[2])
        return cls(
            arguments=tuple(arguments),
            harness=tuple(harness),
            directories=tuple(dict.fromkeys(directories)),
            files=tuple(dict.fromkeys(files)),
            run_in=run_in,
        )


@attrs.frozen(kw_only=True)
class Doctest:
    """One doctest, when all are compiled. Without a program or a status, ``rustdoc`` is to run it.

    :param program: name under which its program is kept
    :param number: which one of those that the program holds; empty if it holds no other
    :param said: what Rust's harness says of one that has ended already: it does not compile, or was
        only to be compiled; as it is printed
    :param has_failed: whether that is a failure
    """

    name: str
    program: str = ""
    number: str = ""
    said: str = ""
    has_failed: bool = False


def doctests_of(text: str, program: str = "") -> list[Doctest]:
    """Doctests of which was told while they were compiled.

    :param text: what ``rustdoc`` has printed, or a program that holds many
    :param program: that program's name
    """
    found = list(results(text))
    times = Counter(result.name for result in found)
    doctests = {}
    for result in found:
        doctest = Doctest(name=result.name)
        why = failure_of(text, result.name) if result.status == "failed" else ""
        kept = _KEPT.search(why)
        if times[result.name] > 1:
            # Which is which cannot be seen.
            pass
        elif kept is not None:
            doctest = attrs.evolve(
                doctest, program=program or kept[1], number=kept[1] if program else ""
            )
        elif result.status != "ok" or result.mode.startswith("compile"):
            word = "FAILED" if result.status == "failed" else result.status
            reason = f", {result.reason}" if result.reason else ""
            said = f"test {result.name} ... {word}{reason}\n"
            if why:
                said += f"\n---- {result.name} stdout ----\n{why[:_SHOWN_BYTES]}\n"
            doctest = attrs.evolve(doctest, said=said, has_failed=result.status == "failed")
        doctests[result.name] = doctest
    return list(doctests.values())


def holders(text: str) -> Iterator[str]:
    """Names of programs that hold many doctests: told of outside of what is said of failures."""
    in_failures = False
    for line in text.splitlines():
        if line.startswith("---- ") or line == "failures:":
            in_failures = line != "failures:"
        match = _KEPT.fullmatch(line)
        if match is not None and not in_failures:
            yield match[1]


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
