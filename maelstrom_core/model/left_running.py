"""What is told of processes that a program has left: what they say their command lines are. Pure."""

from collections import Counter
from collections.abc import Sequence

MOST_NAMED = 8
"""Processes whose command lines are kept of a job, as many as the init asks for."""
MOST_CHARACTERS = 80
"""Of each."""
LINE_BYTES = 256
"""How much room each has in what the init says; what is left of it is filled up with zeros."""
_MOST_TOLD = 4
_MORE = "…"


def command_lines(data: bytes) -> tuple[str, ...]:
    """Command lines as the init says them: as in ``/proc/PID/cmdline``, each in the same room."""
    lines = [data[start : start + LINE_BYTES] for start in range(0, len(data), LINE_BYTES)]
    return tidied([_in_words(line) for line in lines])


def tidied(lines: Sequence[str]) -> tuple[str, ...]:
    """A few lines, none of them long, of characters that can be shown."""
    if not lines:
        return ()
    found = []
    for line in lines[:MOST_NAMED]:
        # More than that is shortened anyway.
        shown = line[: 4 * MOST_CHARACTERS]
        shown = "".join(one if one.isprintable() else "�" for one in shown)
        if len(shown) > MOST_CHARACTERS:
            shown = shown[: MOST_CHARACTERS - len(_MORE)].rstrip() + _MORE
        found.append(shown)
    return tuple(line for line in found if line)


def _in_words(line: bytes) -> str:
    """The program without its directory, and its arguments."""
    # What has no room is cut off, and then ends without a zero.
    words = line.rstrip(b"\0").decode("utf-8", "replace").split("\0")
    program = words[0].rpartition("/")[2] or words[0]
    return " ".join([program, *words[1:]])


def left_words(processes: int, commands: Sequence[str] = ()) -> str:
    """What is told of a job that has left some running.

    :param commands: command lines of a few of them
    """
    words = f"left {processes} process{'es' if processes != 1 else ''} running"
    told = Counter(commands).most_common(_MOST_TOLD)
    if not told:
        return words
    named = [f"{line} ({number} times)" if number > 1 else line for line, number in told]
    rest = processes - sum(number for _, number in told)
    return f"{words}: {'; '.join([*named, *([f'and {rest} more'] if rest > 0 else [])])}"
