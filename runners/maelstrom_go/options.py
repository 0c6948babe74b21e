"""The options of ``go test``, in Go's own words.

Source: ``go help testflag``, ``go help build``.
"""

import argparse

_SWITCHES = {
    "race": "find data races",
    "msan": "find reads of memory that nobody has written, in C",
    "asan": "find wrong accesses to memory, in C",
    "trimpath": "no paths of this machine in what is built",
}
_WITH_VALUE = {
    "tags": ("TAGS", "build tags, with commas between them"),
    "vet": ("LIST", "what go vet checks while it is built; off for nothing"),
    "mod": ("MODE", "readonly, vendor or mod"),
    "modfile": ("FILE", "read this file instead of go.mod"),
    "overlay": ("FILE", "JSON: files to be read in the place of others"),
    "pgo": ("FILE", "profile by which is optimized"),
    "buildvcs": ("WHEN", "whether binaries know of version control"),
    "ldflags": ("FLAGS", "for the linker"),
    "gcflags": ("FLAGS", "for the compiler"),
    "asmflags": ("FLAGS", "for the assembler"),
}
"""Of building."""
_OF_TESTS = {
    "benchtime": ("TIME", "how long, or how often (100x), each benchmark runs"),
    "cpu": ("LIST", "run each test with as many CPUs, one after the other"),
    "parallel": ("N", "how many subtests run at once that call t.Parallel"),
}
_SWITCHES_OF_TESTS = {
    "short": "tests may do less",
    "benchmem": "count allocations of benchmarks",
    "fullpath": "whole names of files in messages",
}


def add_go_options(parser: argparse.ArgumentParser) -> None:
    """Add all of them."""
    add = parser.add_argument_group("which tests, as for go test").add_argument
    add("-run", metavar="REGEX", default="", help="tests and subtests that fit")
    add("-skip", metavar="REGEX", default="", help="and not these")
    add("-bench", metavar="REGEX", default="", help="benchmarks that fit, too")
    # Without defaults of their own, which would come before those of the long options.
    none = argparse.SUPPRESS
    add = parser.add_argument_group("how they run, as for go test").add_argument
    add("-count", dest="repeat", metavar="N", default=none, help="the same as --repeat")
    text = "the same as --stop-after 1"
    add("-failfast", dest="stop_after", action="store_const", const="1", default=none, help=text)
    text = "the same as --timeout: of each test, not of all that a package has"
    add("-timeout", dest="timeout", metavar="TIME", default=none, help=text)
    add("-v", action="store_true", help="show what passing tests print, too")
    text = "print events as go test does (--ui test2json)"
    add("-json", dest="ui", action="store_const", const="test2json", default=none, help=text)
    for name, text in _SWITCHES_OF_TESTS.items():
        add(f"-{name}", action="store_true", help=text)
    for name, (metavar, text) in _OF_TESTS.items():
        add(f"-{name}", metavar=metavar, help=text)
    add("-args", metavar="…", help="what follows is for every test binary")
    add = parser.add_argument_group("coverage, as for go test").add_argument
    add("-cover", action="store_true", help="measure what is covered")
    add("-coverpkg", metavar="PATTERNS", help="of these packages (implies -cover)")
    add("-coverprofile", metavar="FILE", help="write the profile of all tests (implies -cover)")
    add("-covermode", choices=("set", "count", "atomic"), help="whether, or how often")
    add = parser.add_argument_group("how packages are built, as for go test").add_argument
    for name, text in _SWITCHES.items():
        add(f"-{name}", action="store_true", help=text)
    for name, (metavar, text) in _WITH_VALUE.items():
        add(f"-{name}", metavar=metavar, help=text)
    add("-p", metavar="N", type=int, help="packages that are built at once")


def cover_flags(chosen: argparse.Namespace) -> list[str]:
    """Of building, so that what is run is counted; empty if that is not wanted."""
    flags = [
        f"-{name}={getattr(chosen, name)}"
        for name in ("coverpkg", "covermode")
        if getattr(chosen, name)
    ]
    if chosen.cover or chosen.coverprofile or flags:
        return ["-cover", *flags]
    return []


def build_flags(chosen: argparse.Namespace) -> list[str]:
    """Of building."""
    flags = [f"-{name}" for name in _SWITCHES if getattr(chosen, name)]
    flags += [f"-{name}={getattr(chosen, name)}" for name in _WITH_VALUE if getattr(chosen, name)]
    return [*flags, *cover_flags(chosen)]


def test_flags(chosen: argparse.Namespace) -> list[str]:
    """Of test binaries."""
    flags = [f"-test.{name}" for name in _SWITCHES_OF_TESTS if getattr(chosen, name)]
    named = [(name, getattr(chosen, name)) for name in _OF_TESTS]
    return [*flags, *(f"-test.{name}={value}" for name, value in named if value)]
