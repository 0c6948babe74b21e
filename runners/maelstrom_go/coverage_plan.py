"""Coverage profiles of many tests, made one. Pure.

Source: ``golang.org/x/tools/cover`` documents the format: a line ``mode: …``, then
``FILE:LINE.COLUMN,LINE.COLUMN STATEMENTS COUNT``.
"""

from collections.abc import Iterable

PROFILE = "/tmp/maelstrom-cover.out"
"""Where tests leave theirs."""


class Merged:
    """A profile that grows."""

    def __init__(self) -> None:
        self._mode = ""
        self._counts: dict[str, int] = {}

    def add(self, profile: str) -> None:
        """Take one more in; lines that are none of a profile are left out."""
        for line in profile.splitlines():
            if line.startswith("mode: "):
                self._mode = self._mode or line.removeprefix("mode: ").strip()
                continue
            block, _, count = line.rpartition(" ")
            if block and count.isdigit():
                before = self._counts.get(block, 0)
                # ``set`` says whether, the others say how often.
                self._counts[block] = (
                    max(before, int(count)) if self._mode == "set" else before + int(count)
                )

    def lines(self) -> Iterable[str]:
        """The whole profile; nothing if there was none."""
        if not self._mode:
            return
        yield f"mode: {self._mode}"
        for block in sorted(self._counts, key=_place):
            yield f"{block} {self._counts[block]}"

    def share(self) -> float:
        """Part of all statements that were run, from 0 to 1."""
        sizes = {block: int(block.rpartition(" ")[2]) for block in self._counts}
        run = sum(size for block, size in sizes.items() if self._counts[block])
        return run / (sum(sizes.values()) or 1)


def _place(block: str) -> tuple[str, list[int]]:
    file, _, where = block.rpartition(":")
    numbers = where.partition(" ")[0].replace(",", ".").split(".")
    return file, [int(number) for number in numbers if number.isdigit()]
