"""What is begun of a run before it is one: packages are listed, and built, while the rest is loaded."""

import atexit
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from maelstrom_core.errors import MaelstromError
from maelstrom_go.packages_plan import Package
from maelstrom_go.toolchain import Builder, Toolchain


@attrs.define(kw_only=True)
class Begun:
    """Go as it was found, and its packages; both are found out anew for every later run.

    :param patterns: of packages; none stands for all that there are here
    :param binaries: directory in which test binaries are kept
    :param at_once: how many packages are built at once
    """

    toolchain: Toolchain
    patterns: tuple[str, ...]
    binaries: Path
    at_once: int
    _listed: list[Package] | None = None
    _fault: MaelstromError | None = None
    _builder: Builder | None = None

    def ahead(self, *, builds: bool) -> "Begun":
        """List packages, and begin to build those that have tests; to be called once, at first.

        :param builds: whether it is known already that all of them are wanted
        """
        try:
            self._listed = self.toolchain.packages(self.patterns)
        except MaelstromError as error:
            self._fault = error
            return self
        if builds:
            self._builder = self._started(one for one in self._listed if one.is_to_be_built)
        return self

    def packages(self) -> list[Package]:
        """Packages; of the first run, those that were listed meanwhile.

        :raises UsageError: with what ``go list`` says
        """
        listed, fault, self._listed, self._fault = self._listed, self._fault, None, None
        if fault is not None:
            raise fault
        return self.toolchain.packages(self.patterns) if listed is None else listed

    def builder(self, wanted: Sequence[Package]) -> Builder:
        """Who builds packages; of the first run, has begun already."""
        builder, self._builder = self._builder, None
        return self._started(wanted) if builder is None else builder

    def _started(self, wanted: Iterable[Package]) -> Builder:
        builder = Builder(self.toolchain, self.binaries, at_once=self.at_once)
        # Whatever comes between: no compiler outlives this process.
        atexit.register(builder.close)
        builder.start(wanted)
        return builder
