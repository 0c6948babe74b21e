"""What tests tell pytest's plugins of the controlling process, carried there as messages.

Of ``--junitxml``, ``--log-file``, the cache and the terminal the part that writes is not in this
process, or would write into the container. So something that sends stands in its place.
"""

import io
import logging
from typing import Any, Dict

import pytest


class Carrier:
    """A pytest plugin that puts all of it in place.

    :param inside: whatever has a ``sender`` that sends now: it changes in forks
    :param carried: what the controlling process wants, as it was requested
    """

    def __init__(self, config: pytest.Config, inside: Any, carried: Dict[str, Any]) -> None:
        self._config = config
        self._inside = inside
        self._log = _LogLines() if carried["log_file"] else None
        if carried["junit_family"]:
            from _pytest.junitxml import xml_key

            properties: Any = _Properties(inside, carried["junit_family"])
            config.stash[xml_key] = properties
            # pytest unregisters what it finds there.
            config.pluginmanager.register(properties, "maelstrom-properties")
        self._terminal: Dict[str, Any] = carried["terminal"]
        self._terminal_file = _Told(inside)

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Take the terminal away from pytest, whose reports are shown by the controlling process."""
        manager = config.pluginmanager
        if not manager.hasplugin("terminalreporter"):
            return  # neither is it outside
        reporter: Any = manager.unregister(name="terminalreporter")
        reporter._tw.hasmarkup = reporter.hasmarkup = self._terminal["markup"]
        reporter._tw.fullwidth = self._terminal["width"]
        manager.register(_Terminal(reporter), "terminalreporter")
        reporter._tw._file = self._terminal_file

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Take places that are taken when pytest is configured."""
        cache: Any = getattr(self._config, "cache", None)
        if cache is not None:
            cache.set = _SetAndTold(self._inside, cache.set)
        logs: Any = self._config.pluginmanager.getplugin("logging-plugin")
        if logs is not None and self._log is not None:
            self._log.setFormatter(logs.log_file_handler.formatter)
            logs.log_file_handler = self._log

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Forget what was logged so far: the controlling process has been through it too."""
        self._forget()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """Tell what was logged while cases were collected."""
        self._tell_log()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        """Forget what came before the case."""
        self._forget()
        self._terminal_file.telling = True

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self) -> None:
        """Tell what the case has logged."""
        self._tell_log()
        self._terminal_file.telling = False

    def _forget(self) -> None:
        if self._log is not None:
            self._log.take()

    def _tell_log(self) -> None:
        text = self._log.take() if self._log is not None else ""
        if text:
            self._inside.sender.send("log", text=text)


class _LogLines(logging.StreamHandler):  # type: ignore[type-arg]
    """Keeps what would be in the file of ``--log-file``."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())

    def take(self) -> str:
        """What was logged since it was last taken."""
        text: str = self.stream.getvalue()
        if text:
            self.stream = io.StringIO()
        return text

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Leave it to pytest's own handler of the same record, by which the test fails."""


class _SetAndTold:
    """``cache.set`` that also tells of it."""

    def __init__(self, inside: Any, to_set: Any) -> None:
        self._inside = inside
        self._to_set = to_set

    def __call__(self, key: str, value: object) -> None:
        self._to_set(key, value)
        self._inside.sender.send("cached", key=key, value=value)


class _Properties:
    """As much of the writer of JUnit XML as pytest's fixtures use."""

    def __init__(self, inside: Any, family: str) -> None:
        self._inside = inside
        self.family = family

    def add_global_property(self, name: str, value: object) -> None:
        """Of ``record_testsuite_property``."""
        self._inside.sender.send("suite property", name=name, value=str(value))

    def node_reporter(self, of: Any) -> "_Properties":
        """Of ``record_xml_attribute``: a case's container has but one test."""
        del of
        return self

    def add_attribute(self, name: str, value: object) -> None:
        """Of ``record_xml_attribute``."""
        self._inside.sender.send("xml attribute", name=name, value=str(value))


class _Terminal:
    """pytest's terminal reporter, as far as plugins and tests write to it.

    It is told nothing by pytest: an instance of it has no hooks of its own.
    """

    def __init__(self, reporter: Any) -> None:
        self._reporter = reporter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reporter, name)


class _Told(io.TextIOBase):
    """A file that tells what is written to it, at once: a test may end its process."""

    def __init__(self, inside: Any) -> None:
        self._inside = inside
        self.telling = False

    def write(self, text: str) -> int:
        """Tell it, while a case is run."""
        if self.telling:
            self._inside.sender.send("shown", text=text)
        return len(text)
