"""The real suites: what to fetch, what they need, which cases end otherwise, and why.

The data is in ``suites.toml``; this reads it.
"""

import fnmatch
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent / "suites.toml"


@dataclass(frozen=True)
class Difference:
    """Cases that are known to end otherwise in containers.

    :param cases: their node ids; ``*`` stands for anything
    :param why: in words that the guide can repeat
    :param sometimes: whether they may end alike, for a reason that ``why`` gives
    """

    cases: str
    why: str
    sometimes: bool = False

    def covers(self, case: str) -> bool:
        """Whether a case is meant."""
        # Brackets of parameters are no sets of letters.
        return fnmatch.fnmatchcase(case, re.sub(r"\[", "[[]", self.cases))


@dataclass(frozen=True)
class Suite:
    """One project's own tests, from its source distribution.

    :param name: of the project on the package index
    :param version: exact, so that two runs compare the same thing
    :param about: what it is and why it is here
    :param whole: pytest arguments of all that is compared in a nightly run
    :param part: of a slice that takes a few seconds; nothing to leave the suite to the night
    :param needs: what its tests need beside pytest and itself
    :param options: given to pytest both ways, and before ``-p maelstrom`` or its opposite
    :param environment: variables that both runs get
    :param installed: the tests are part of what is installed, and no source distribution is fetched
    :param measured: also by ``bench/pytest``, all of it and its slice
    :param differences: what ends otherwise
    """

    name: str
    version: str
    about: str
    whole: tuple[str, ...] = ()
    part: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    installed: bool = False
    measured: bool = False
    differences: tuple[Difference, ...] = ()

    @property
    def requirement(self) -> str:
        """As pip wants it."""
        return f"{self.name}=={self.version}"

    @property
    def directory(self) -> str:
        """Name of the directory in the source distribution."""
        return f"{self.name.replace('-', '_')}-{self.version}"


def read_suites(data: Path = DATA) -> Iterator[Suite]:
    """All of them, in the order of the file."""
    for name, table in tomllib.loads(data.read_text()).items():
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
        }
        differences = tuple(Difference(**one) for one in fields.pop("differences", ()))
        yield Suite(name=name, part=fields.pop("slice", ()), differences=differences, **fields)


SUITES = tuple(read_suites())
