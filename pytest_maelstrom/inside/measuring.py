"""What coverage measures in a container, sent to the controlling process as plain numbers.

Whoever starts coverage is left to do so: pytest-cov, with ``--cov``, as in a plain run; or coverage
at the interpreter's start, where the whole of pytest is run by ``coverage run``. But coverage writes
a database, and reading somebody's database is to run their SQL. So it is given something else to
write into, which keeps what it is told and is sent among the reports: of the template what was
measured while it collected, of each fork what its case has added.

A template stops measuring while it waits, and its forks go on where it stopped.
"""

import os
import sys
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Set

import pytest

from pytest_maelstrom.inside.wire import Sender

NAME = "maelstrom-measuring"
_OWN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")
"""Where our own part that runs in containers is, which nobody wants measured."""


def measuring_of(config: pytest.Config, sender: Callable[[], Sender]) -> "Optional[Measuring]":
    """What sends all that is measured in this process; nothing if nothing is.

    :param sender: tells through whom
    """
    module = sys.modules.get("coverage")
    coverage = None if module is None else module.Coverage.current()
    return None if coverage is None else Measuring(config, coverage, sender)


class Numbers:
    """Stands where coverage has its `CoverageData`, of which it has what coverage calls."""

    def __init__(self) -> None:
        self.contexts: Dict[str, Dict[str, Set[Any]]] = {}
        self.tracers: Dict[str, str] = {}
        self.touched: Dict[str, str] = {}
        self._context = ""

    def __bool__(self) -> bool:
        return bool(self.contexts)

    def clear(self) -> None:
        """Forget all but the context."""
        self.contexts, self.tracers, self.touched = {}, {}, {}

    def set_context(self, context: Optional[str]) -> str:
        """Say to what the next numbers belong."""
        before, self._context = self._context, context or ""
        return before

    def add_lines(self, lines: Dict[str, Iterable[Any]]) -> None:
        """Take lines, or pairs of lines."""
        for file, numbers in lines.items():
            self.contexts.setdefault(self._context, {}).setdefault(file, set()).update(numbers)

    add_arcs = add_lines

    def add_file_tracers(self, tracers: Dict[str, str]) -> None:
        """Take which plugin of coverage has measured a file."""
        self.tracers.update(tracers)

    def touch_files(self, files: Iterable[str], plugin: Optional[str] = None) -> None:
        """Take files that might have run, and perhaps have not."""
        self.touched.update(dict.fromkeys(files, plugin or ""))

    def touch_file(self, file: str, plugin: Optional[str] = None) -> None:
        """Take one of them."""
        self.touch_files([file], plugin)

    def write(self) -> None:
        """Asked by coverage at the end of a process; all has been sent by then."""

    def close(self, force: bool = False) -> None:
        """Asked by coverage at the end of a process."""


def _begin_nothing(*_: Any, **__: Any) -> None:
    """Stands where pytest-cov would begin."""


class Measuring:
    """A pytest plugin."""

    def __init__(self, config: pytest.Config, coverage: Any, sender: Callable[[], Sender]) -> None:
        self._sender = sender
        self._coverage = coverage
        self._branch = bool(coverage.get_option("run:branch"))
        self._numbers = Numbers()
        # What was measured so far is not in there yet: nobody has asked for it.
        replaced: Any = coverage._data
        self._files = type(replaced)
        self._base: str = replaced.base_filename()
        coverage._data = self._numbers
        coverage._collector.use_data(self._numbers, coverage.config.context)
        # One that measured before this one did waits for its end, in vain.
        coverage._collector._collectors[:] = [coverage._collector]
        for instance in type(coverage)._instances:
            instance._auto_save = False  # at its end, into a file which nobody would see
        # That nothing was measured is known at the end of the run alone, and said there.
        coverage._warn_no_data = coverage._warn_unimported_source = False
        self._known = set(self._data_files())
        self._missing: List[str] = []
        self._looks_for_files = True
        self._plugin: Any = config.pluginmanager.getplugin("_cov")
        if self._plugin is not None:
            # It would begin again, as it does in workers of pytest-xdist.
            self._plugin.start = _begin_nothing

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtestloop(self) -> Iterator[None]:
        """Send what was measured, where pytest-cov would write it into a file."""
        yield
        self.send()
        if self._plugin is not None:
            self._plugin.cov_controller = None

    def wait(self) -> None:
        """In a template that will do nothing any more but be forked."""
        self.send()
        self._coverage._collector.stop()
        self._looks_for_files = False
        packages = getattr(self._coverage._inorout, "source_pkgs", ())
        self._missing = [name for name in packages if name not in sys.modules]
        self._known = set(self._data_files())

    def go_on(self) -> None:
        """In a fork."""
        if hasattr(self._plugin, "pid"):
            # Of old versions, which start measuring in processes that they do not know.
            self._plugin.pid = os.getpid()
        # Not resumed: by a tracer that was stopped, newer interpreters trace nothing that it has seen.
        self._coverage._collector.start()

    def send(self) -> None:
        """Send what was measured since it was last sent."""
        if self._looks_for_files or any(name in sys.modules for name in self._missing):
            # With all files that could have been measured, for which directories are searched.
            self._coverage.get_data()
        else:
            self._coverage._collector.flush_data()
        for path in self._data_files():
            if path not in self._known:
                self._read(path)
        self._sender().send(
            "measured",
            branch=self._branch,
            contexts={
                context: {
                    file: self._flat(found)
                    for file, found in files.items()
                    if not file.startswith(_OWN)
                }
                for context, files in self._numbers.contexts.items()
            },
            tracers=self._numbers.tracers,
            touched=self._numbers.touched,
        )
        self._numbers.clear()

    def _flat(self, numbers: Set[Any]) -> List[int]:
        """Numbers of lines, or of pairs of lines one after the other."""
        return [line for pair in numbers for line in pair] if self._branch else list(numbers)

    def _data_files(self) -> List[str]:
        """Files that processes have written which tests have started."""
        directory, name = os.path.split(self._base)
        try:
            names = os.listdir(directory)
        except OSError:
            return []
        return [os.path.join(directory, one) for one in names if one.startswith(f"{name}.")]

    def _read(self, path: str) -> None:
        """Take what a process of the case has measured."""
        data, numbers = self._files(basename=path), self._numbers
        own_context = numbers.set_context(None)
        try:
            data.read()
            if data.has_arcs() is not self._branch:
                return
            for context in data.measured_contexts():
                data.set_query_context(context)
                numbers.set_context(context)
                for file in data.measured_files():
                    found = data.arcs(file) if self._branch else data.lines(file)
                    if found:
                        numbers.add_lines({file: found})
                    tracer = data.file_tracer(file)
                    if tracer:
                        numbers.add_file_tracers({file: tracer})
        except Exception:  # it was killed while it wrote
            return
        finally:
            numbers.set_context(own_context)
            data.close()
