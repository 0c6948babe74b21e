"""``--pdb``, ``--trace`` and ``breakpoint()``: pytest's own debugger, on the user's terminal.

Everything is pytest's but where it reads and writes: right before it is used, and after capturing was
suspended, the standard streams become the user's.
"""

from typing import Any

import pytest
from _pytest.config import create_terminal_writer
from _pytest.debugging import PdbInvoke, pytestPDB

from pytest_maelstrom.inside.link import Link
from pytest_maelstrom.inside.wire import Sender


class Debugging:
    """A pytest plugin.

    :param link: over which the terminal is asked for; set in forks
    :param sender: to whom it is told what was shown
    """

    def __init__(self, config: pytest.Config, sender: Sender) -> None:
        self._config = config
        self.link: Any = None
        self.sender = sender

    def use(self, link: Link, sender: Sender) -> None:
        """There is a link from now on."""
        self.link, self.sender = link, sender

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Come before pytest's debugger, wherever that is used."""
        manager = config.pluginmanager
        self._after_failures = manager.unregister(name="pdbinvoke") is not None
        debugger: Any = pytestPDB
        begin = debugger._init_pdb

        def on_the_terminal(*arguments: Any, **named: Any) -> Any:
            self._attach()
            return begin(*arguments, **named)

        debugger._init_pdb = staticmethod(on_the_terminal)
        config.add_cleanup(lambda: setattr(debugger, "_init_pdb", begin))

    def pytest_enter_pdb(self, pdb: Any) -> None:
        """Attach again when a debugger that was left stops once more."""
        set_up: Any = getattr(pdb, "setup", None)
        if set_up is None:
            return

        def setup(*arguments: Any, **named: Any) -> Any:
            result = set_up(*arguments, **named)
            if not result and self.link is not None:
                self.link.attach()
            return result

        pdb.setup = setup

    def pytest_leave_pdb(self) -> None:
        """The test goes on."""
        self._detach()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self) -> None:
        """A phase has ended: so has a debugger that was stepped out of it."""
        self._detach()

    def pytest_exception_interact(self, node: Any, call: Any, report: Any) -> None:
        """Let the user look at a failure, if ``--pdb`` was given."""
        if not self._after_failures or not self._attach():
            return
        manager = self._config.pluginmanager
        # It writes by the terminal reporter; the one that is here, if any, writes to another terminal.
        name = "terminalreporter"
        reporter = manager.unregister(name=name) if manager.hasplugin(name) else None
        stand_in = _Writes(create_terminal_writer(self._config))
        manager.register(stand_in, name)
        try:
            PdbInvoke().pytest_exception_interact(node, call, report)
        finally:
            manager.unregister(stand_in)
            if reporter is not None:
                manager.register(reporter, name)
            self._detach()
            if getattr(report, "_pdbshown", False):
                self.sender.send("shown by pdb", when=getattr(report, "when", None))

    def _attach(self) -> bool:
        if self.link is None:
            return False
        capture: Any = self._config.pluginmanager.getplugin("capturemanager")
        if capture is not None:
            capture.suspend(in_=True)
        return bool(self.link.attach())

    def _detach(self) -> None:
        if self.link is not None:
            self.link.detach()


class _Writes:
    """As much of pytest's terminal reporter as its debugger needs."""

    def __init__(self, writer: Any) -> None:
        self._tw = writer
