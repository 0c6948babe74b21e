"""What ``cargo test`` would have run: taken down by scripts that it has run in place of it. Pure.

Cargo alone knows which programs it runs, with which arguments and variables, and where. It has two
places for a program of ours: a *runner*, which is given every test binary, and ``RUSTDOC``, which is
given the doctests of a library. Both are shell scripts here, which write down what they are given, and
run nothing.

Source: "Configuration" (``target.<triple>.runner``) and "Environment Variables" of the Cargo Book.
"""

from collections.abc import Iterator, Mapping

import attrs

FILE = "MAELSTROM_CARGO_RECORD"
"""Variable with the path of the file of records."""
RUSTDOC = "MAELSTROM_CARGO_RUSTDOC"
"""Variable with the path of the real ``rustdoc``."""
# Numbers first, since arguments may be empty; variables never are.
_TAKE_DOWN = """\
{{ printf '%s\\0' {what} "$PWD" "$#" "$@" && env -0 && printf '\\0'; }} >>"${file}"
"""
RUN_SCRIPT = "#!/bin/sh\n" + _TAKE_DOWN.format(what="program", file=FILE)
"""Takes down a test binary with its arguments."""
RUSTDOC_SCRIPT = (
    f'#!/bin/sh\ncase " $* " in *" --test "*) ;; *) exec "${RUSTDOC}" "$@" ;; esac\n'
    + _TAKE_DOWN.format(what="doctests", file=FILE)
)
"""Takes down a call of ``rustdoc`` that runs doctests, and passes any other on."""
_OF_THE_SHELL = frozenset(["PWD", "OLDPWD", "SHLVL", "_", "RUSTDOC", FILE, RUSTDOC])


@attrs.frozen(kw_only=True)
class Record:
    """Something that would have been run.

    :param is_doctests: whether it is a call of ``rustdoc``
    :param directory: where
    :param arguments: of a program, its path is the first one
    :param environment: all of it, but for what is the shell's and the scripts' own
    """

    is_doctests: bool
    directory: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


def records(data: bytes) -> Iterator[Record]:
    """What the scripts have taken down, in the order in which Cargo would have run it.

    :raises ValueError: if it is something else, or not whole
    """
    items = iter(data.decode("utf-8", "surrogateescape").split("\0"))
    for what in items:
        if not what:
            return
        try:
            directory, number = next(items), int(next(items))
            arguments = tuple(next(items) for _ in range(number))
        except (StopIteration, RuntimeError):
            raise ValueError("a record ends early") from None
        variables = {}
        for item in items:
            if not item:
                break
            name, _, value = item.partition("=")
            if name not in _OF_THE_SHELL and not is_runner(name):
                variables[name] = value
        yield Record(
            is_doctests=what == "doctests",
            directory=directory,
            arguments=arguments,
            environment=variables,
        )


def runner_variable(triple: str) -> str:
    """The variable that names the runner of a target platform."""
    return f"CARGO_TARGET_{triple.upper().replace('-', '_').replace('.', '_')}_RUNNER"


def is_runner(name: str) -> bool:
    """Whether a variable is such a one."""
    return name.startswith("CARGO_TARGET_") and name.endswith("_RUNNER")
