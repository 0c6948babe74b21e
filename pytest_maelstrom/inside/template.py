"""The warm parent: collects all cases once, then is forked for each, and each fork runs one."""

import gc
import json
from typing import Any, Dict, List, Optional, Tuple

import pytest

from pytest_maelstrom.inside import capturing, live, output, stacks
from pytest_maelstrom.inside.forking import ForkServer
from pytest_maelstrom.inside.plugins import Collecting, Running, numbered
from pytest_maelstrom.inside.preload import Preload
from pytest_maelstrom.inside.safety import (
    children_alive,
    copies_of_standard_streams,
    foreign_descriptors,
    threads_alive,
)
from pytest_maelstrom.inside.wire import Sender


class Template(Collecting):
    """Collects as a run that only collects does, and stays.

    :param server: what it is forked by
    :param preload: learns what cases import, if that is wanted
    """

    def __init__(
        self,
        config: pytest.Config,
        sender: Sender,
        server: ForkServer,
        preload: Optional[Preload],
    ) -> None:
        super().__init__(config, sender)
        self._server = server
        self._preload = preload
        self._request: Dict[str, Any] = {}
        self._left_in = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Tell of all cases and be forked for each; returns in forks."""
        self.tell_collected(session)
        self.tell_why_stopped(session)
        items = {(item.nodeid, number): item for item, number in numbered(session.items)}
        self.sender.send("end", status=0)
        capture: Any = self.config.pluginmanager.getplugin("capturemanager")
        capturing.suspend(capture)
        live.flush()
        known = capturing.captured_files(capture)
        unfit = [*threads_alive(), *children_alive(), *self._open_files(known)]
        self._server.freeze()
        gc.collect()
        # Collecting garbage would otherwise touch, and so copy, every page of the template.
        gc.freeze()
        running = self._take_turns()
        if self._preload is not None:
            self._preload.remember()
        self._request = json.loads(self._server.serve(unfit, self._learn))
        self.sender.close()
        self.sender = running.sender = Sender()
        stacks.tell_when_asked(self.sender)
        self._left_in = output.prepare()
        capturing.renew(capture)
        self._run(session, items)
        return True

    def _take_turns(self) -> Running:
        """Let another plugin tell of the case; now, since it costs a fork much."""
        manager = self.config.pluginmanager
        manager.unregister(self)
        running = Running(self.config, self.sender)
        manager.register(running, "maelstrom-running")
        return running

    def _learn(self) -> None:
        """Import what cases have imported."""
        if self._preload is not None and self._preload.learn():
            gc.freeze()

    def ended(self) -> None:
        """In a fork, when the case has ended: send the files that it has left."""
        if self._request:
            output.send_back(self.sender, self._left_in, self._request["output_bytes"])
            if self._preload is not None:
                self._preload.tell()

    def _run(self, session: pytest.Session, items: Dict[Tuple[str, int], pytest.Item]) -> None:
        request = self._request
        item = items.get((request["case"], request["occurrence"]))
        if item is None:
            self.sender.send("internal error", text=f"the template has no case {request['case']}")
            return
        session.items = [item]
        session.testscollected = 1
        self.config.hook.pytest_runtest_protocol(item=item, nextitem=None)

    def _open_files(self, captured: List[int]) -> List[str]:
        known = [*self._server.descriptors, self.sender.descriptor, *captured]
        known += [] if self._preload is None else self._preload.descriptors
        copies = [copy for copy, _ in copies_of_standard_streams(known)]
        return foreign_descriptors([*known, *copies])
