"""What came from containers for pytest's plugins of this process, handed over to them.

The other half of `pytest_maelstrom.inside.carried`.
"""

import logging
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from _pytest.config import create_terminal_writer
from _pytest.junitxml import xml_key

from maelstrom_core.model.cases import CaseReport

KINDS = ("log", "suite property", "xml attribute")
"""Of messages that are handed over here."""


def wanted(config: pytest.Config) -> dict[str, Any]:
    """What containers must carry, since a plugin of this process is waiting for it."""
    xml = config.stash.get(xml_key, None)
    writer = _terminal_writer(config)
    return {
        "log_file": _log_file(config) is not None,
        "junit_family": xml.family if xml is not None else "",
        "terminal": {
            "markup": writer is not None and writer.hasmarkup,
            "width": writer.fullwidth if writer is not None else 80,
        },
        "tree": bool(config.option.collectonly),
    }


def _terminal_writer(config: pytest.Config) -> Any:
    """What pytest's reporter writes with, or will: it may not have been made yet."""
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        return reporter._tw
    is_coming = config.pluginmanager.hasplugin("terminal")
    return create_terminal_writer(config, sys.stdout) if is_coming else None


def hand_over(
    config: pytest.Config, messages: Iterable[Mapping[str, Any]], node_id: str = ""
) -> None:
    """Hand messages over to the plugins that want them; others are left out.

    They come from tests, which may say anything: what would write elsewhere than where it should is
    left out too.

    :param node_id: of the case they are of, as its reports name it
    """
    xml = config.stash.get(xml_key, None)
    for message in messages:
        match message:
            case {"kind": "log", "text": str(text)}:
                _write_log(config, text)
            case {"kind": "suite property", "name": str(name), "value": str(value)}:
                # A fixture of the whole session is set up in every container.
                if xml is not None and (name, value) not in xml.global_properties:
                    xml.add_global_property(name, value)
            case {"kind": "xml attribute", "name": str(name), "value": str(value)}:
                if xml is not None and node_id:
                    xml.node_reporter(node_id).add_attribute(name, value)


def say_aloud(config: pytest.Config, report: CaseReport) -> None:
    """Write what a case has written past pytest's capturing, as it was written.

    :param report: of a case that told its outcome itself: other reports say it anyway
    """
    if report.result is None or report.message:
        return
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None and report.result.stdout.total_bytes:
        reporter._tw.write(report.result.stdout.text(), flush=True)
    if report.result.stderr.total_bytes:
        print(report.result.stderr.text(), end="", file=sys.stderr, flush=True)


class NodeIds:
    """A plugin that remembers which tests there were, for ``--nf``: pytest's own has seen none."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._seen: set[str] = set()

    def note(self, node_ids: Iterable[str]) -> None:
        """Note tests that were collected."""
        self._seen.update(node_ids)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Add them to what pytest has written."""
        config = self._config
        if not config.pluginmanager.hasplugin("nfplugin") or config.option.collectonly:
            return
        cache = config.cache
        if cache is not None and self._seen:
            before = cache.get("cache/nodeids", [])
            cache.set("cache/nodeids", sorted(self._seen.union(before)))


def _log_file(config: pytest.Config) -> logging.FileHandler | None:
    """What writes the file of ``--log-file``, if there is one."""
    logs: Any = config.pluginmanager.getplugin("logging-plugin")
    handler = getattr(logs, "log_file_handler", None)
    if not isinstance(handler, logging.FileHandler) or handler.baseFilename == os.devnull:
        return None
    return handler


def _write_log(config: pytest.Config, text: str) -> None:
    handler = _log_file(config)
    if handler is None:
        return
    handler.acquire()
    try:
        if handler.stream is None:
            handler.stream = handler._open()
        # What cannot be written must not cost the case its report.
        handler.stream.write(text.encode("utf-8", "backslashreplace").decode())
        handler.flush()
    finally:
        handler.release()
