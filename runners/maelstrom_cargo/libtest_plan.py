"""Rust's own harness: its arguments, what it lists, and what it says of tests. Pure.

Sources: ``library/test/src`` of Rust (``cli.rs``, ``formatters/pretty.rs``); "Tests" of the rustc book.
"""

import re
from collections.abc import Collection, Iterator, Sequence

import attrs

IGNORED, INCLUDE_IGNORED = "--ignored", "--include-ignored"
SHOWING = ("--nocapture", "--no-capture", "--show-output")
TELLING = ("--format", "--logfile", "--list")
"""What would have it say something else than what is understood here."""
_WITH_VALUE = (
    "--skip", "--test-threads", "--color", "--format", "--logfile", "--shuffle-seed", "-Z",
)  # fmt: skip
_LISTED = re.compile(r"(.+): (test|benchmark)")
_SAID = re.compile(r"^test (?P<name>.+) \.\.\. (?P<rest>.*)$", re.M)
_MODE = re.compile(r" - (should panic|compile fail|compile)$")
_SUMMARY = re.compile(
    r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored; (\d+) measured;", re.M
)
_FRAME = re.compile(r"^running \d+ tests?\n", re.M)
_FAILURES = re.compile(
    r"\n*^failures:\n(?P<said>.*?)\n*^failures:\n(?:    [^\n]*\n?)+\s*\Z", re.M | re.S
)
_BENCHMARK = re.compile(r"bench: .*$", re.M)


@attrs.frozen(kw_only=True)
class Arguments:
    """Arguments of a test binary, by what they are for.

    :param choosing: which tests: parts of names, ``--skip``, ``--exact``, ``--test``, ``--bench``
    :param mode: ``--ignored``, ``--include-ignored`` or nothing
    :param shows: whether what passing tests print is wanted
    :param rest: passed on when a test is run
    """

    choosing: tuple[str, ...] = ()
    mode: tuple[str, ...] = ()
    shows: bool = False
    rest: tuple[str, ...] = ()

    @classmethod
    def read(cls, given: Sequence[str]) -> "Arguments":
        """Sort them; the last word on a mode counts, as both may be given."""
        choosing: list[str] = []
        mode: tuple[str, ...] = ()
        rest: list[str] = []
        shows = False
        items = iter(given)
        for item in items:
            name, equals, _ = item.partition("=")
            whole = [item]
            if name in _WITH_VALUE and not equals:
                whole += [value for value in [next(items, None)] if value is not None]
            if not item.startswith("-") or name in ("--skip", "--exact", "--test", "--bench"):
                choosing += whole
            elif item in (IGNORED, INCLUDE_IGNORED):
                mode = (item,)
            elif item in SHOWING:
                shows = True
            elif name not in ("--color", "-q", "--quiet"):
                rest += whole
        return cls(choosing=tuple(choosing), mode=mode, shows=shows, rest=tuple(rest))

    def to_list(self) -> tuple[str, ...]:
        """Arguments with which a binary lists its tests."""
        return ("--list", "--format", "terse", *self.mode, *self.choosing)

    def to_run(self, name: str) -> tuple[str, ...]:
        """Arguments with which a binary runs one of them.

        What it prints is not captured: of a process that dies, what was captured is lost.
        """
        return ("--exact", "--nocapture", *self.mode, *self.rest, "--", name)


def listed(text: str) -> Iterator[tuple[str, bool]]:
    """Names of tests, and whether each is a benchmark, in order."""
    for line in text.splitlines():
        match = _LISTED.fullmatch(line)
        if match is not None:
            yield match[1], match[2] == "benchmark"


@attrs.frozen(kw_only=True)
class Said:
    """What a binary has said of one test.

    :param status: ``ok``, ``failed``, ``ignored``; empty if it has said nothing of its ending
    :param reason: why it is ignored
    :param output: what was printed, without the harness's own words
    """

    status: str = ""
    reason: str = ""
    output: str = ""


def said_of(text: str, name: str) -> Said:
    """What a binary that ran this one test has said, while tests printed between its words."""
    match = _FRAME.search(text)
    body = text[match.end() :] if match is not None else text
    before = text[: match.start()].strip("\n") if match is not None else ""
    status, reason = "", ""
    summaries = list(_SUMMARY.finditer(body))
    if summaries:
        status = _status([int(number) for number in summaries[-1].groups()])
        body = body[: summaries[-1].start()]
    failures = _FAILURES.search(body)
    more = ""
    if failures is not None:
        body, more = body[: failures.start()], failures["said"].strip("\n")
    begin, end = _begin_of(body, name)
    if begin >= 0:
        body, after = body[:begin], body[end:].rstrip("\n")
        if status == "ignored":
            after, reason = "", after.partition("ignored")[2].removeprefix(", ").strip()
        elif status:
            after = re.sub(r"(?:ok|FAILED)\Z", "", after)
        body += after
    output = "\n".join(part for part in (before, body.strip("\n"), more) if part)
    return Said(status=status, reason=reason, output=output)


def _begin_of(text: str, name: str) -> tuple[int, int]:
    """Where the harness last says that a test begins, and where these words end; -1 if it does not.

    No pattern: it would be another one for each test, and compiling it takes longer than all the rest.
    """
    found = max(
        (text.rfind(words), words)
        for words in (f"test {name} ...", f"test {name} - should panic ...")
    )
    begin, words = found
    end = begin + len(words)
    return begin, end + text.startswith(" ", end)


def said_of_one_of_many(text: str, name: str) -> Said:
    """What was said of one test, of those that ran, while nothing was printed between.

    Of tests of the same name, the worst counts.
    """
    found = [result for result in results(text) if result.name == name]
    for status in ("failed", "ok", "ignored"):
        for one in found:
            if one.status == status:
                output = failure_of(text, name) if status == "failed" else ""
                return Said(status=status, reason=one.reason, output=output)
    return Said(output=text.strip("\n"))


@attrs.frozen(kw_only=True)
class Result:
    """A line on a test that has ended.

    :param mode: what is to be seen of how it is run: ``should panic``, ``compile fail``, ``compile``
    :param status: ``ok``, ``failed``, ``ignored``
    """

    name: str
    mode: str = ""
    status: str
    reason: str = ""


def results(text: str) -> Iterator[Result]:
    """All such lines, where nothing is printed between."""
    for match in _SAID.finditer(text):
        mode = _MODE.search(match["name"])
        word, _, reason = match["rest"].partition(", ")
        yield Result(
            name=match["name"][: mode.start()] if mode is not None else match["name"],
            mode=mode[1] if mode is not None else "",
            status={"FAILED": "failed"}.get(word, word),
            reason=reason,
        )


def failure_of(text: str, name: str) -> str:
    """What the harness shows of a test that has failed, below ``failures:``."""
    title = f"---- {name} stdout ----\n"
    begin = text.find(title)
    if begin < 0:
        return ""
    rest = text[begin + len(title) :]
    ends = [rest.find(end) for end in ("\n---- ", "\nfailures:\n", "\nsuccesses:\n")]
    return rest[: min([end for end in ends if end >= 0], default=len(rest))].strip("\n")


def _status(numbers: Collection[int]) -> str:
    passed, failed, ignored, measured = numbers
    if failed:
        return "failed"
    if passed or measured:
        return "ok"
    return "ignored" if ignored else ""
