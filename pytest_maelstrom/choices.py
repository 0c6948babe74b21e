"""Which of the collected cases run: what ``--maelstrom-include`` and ``-exclude`` say."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
import pytest

from maelstrom_core.filters import Tree, combined, evaluate, parse
from maelstrom_core.model.cases import Case
from pytest_maelstrom.selectors import SELECTORS

Message = dict[str, Any]
"""One of those that a container which collects sends (`pytest_maelstrom.inside.plugins`)."""


@attrs.frozen
class Choices:
    """What is wanted of a run's cases.

    :param wanted: what includes and excludes come to
    """

    wanted: Tree

    def sift(
        self, messages: Iterable[Message], case_of: Callable[[Message], Case]
    ) -> list[Message]:
        """Collection's messages as pytest is to be told of them: what does not fit is deselected.

        :param case_of: the case of a message that tells of one
        """
        kept: list[Message] = []
        deselected = []
        for message in messages:
            if message["kind"] == "case" and not self.wants(case_of(message)):
                deselected.append(message["id"])
            else:
                kept.append(message)
        return [*kept, {"kind": "deselected", "ids": deselected}] if deselected else kept

    def wants(self, case: Case) -> bool:
        """Whether a case is to be run."""
        return evaluate(self.wanted, SELECTORS.facts(case)) is not False


def choices_of(config: pytest.Config) -> Choices:
    """What the command line says.

    :raises maelstrom_core.filters.BadFilter: for a filter that cannot be read
    """
    option: Mapping[str, list[str]] = vars(config.option)
    include, exclude = (
        tuple(parse(text, SELECTORS) for text in option[f"maelstrom_{name}"])
        for name in ("include", "exclude")
    )
    return Choices(combined(include, exclude))
