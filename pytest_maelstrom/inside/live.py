"""What is printed and not captured leaves the container line by line, and so do live logs.

Python writes to a pipe in large blocks, whereas people watch what comes out of this one.
"""

import logging
import os
import sys
from contextlib import nullcontext
from typing import Any

import pytest


def write_by_lines() -> None:
    """Let standard output pass on each line when it ends, as it does on a terminal."""
    reconfigure = getattr(sys.__stdout__, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)


def flush() -> None:
    """Have nothing left that has been printed: a fork would print it again."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()  # type: ignore[union-attr]
        except (OSError, ValueError, AttributeError):
            continue  # closed, or replaced by the project


class LiveLogs:
    """A pytest plugin: logs of ``log_cli`` are written to standard output.

    pytest writes them by its terminal reporter alone, which is not here.
    """

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Take the place of the handler that drops them."""
        config = session.config
        logs: Any = config.pluginmanager.getplugin("logging-plugin")
        if not isinstance(getattr(logs, "log_cli_handler", None), logging.Handler):
            return
        if config.option.log_cli_level is None and not config.getini("log_cli"):
            return
        handler = _LiveLogHandler(config.pluginmanager.getplugin("capturemanager"))
        handler.setFormatter(logs.log_cli_handler.formatter)
        logs.log_cli_handler = handler


class _LiveLogHandler(logging.Handler):
    """Writes records past pytest's capturing."""

    def __init__(self, capture: Any) -> None:
        super().__init__()
        self._capture = capture

    def emit(self, record: logging.LogRecord) -> None:
        """Write one."""
        try:
            data = memoryview(f"{self.format(record)}\n".encode("utf-8", "replace"))
            uncaptured = getattr(self._capture, "global_and_fixture_disabled", nullcontext)
            with uncaptured():
                flush()  # what was printed before it stays before it
                while data:
                    data = data[os.write(1, data) :]
        except Exception:
            return  # pytest's own handler of the same record raises what the test must hear of

    def reset(self) -> None:
        """Asked by pytest when a test begins; headings are not written here."""

    def set_when(self, when: str) -> None:
        """Asked by pytest when a phase begins."""
