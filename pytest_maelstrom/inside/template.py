"""The warm parent: collects all cases once, then is forked; each fork runs one, or some that share."""

import gc
import json
from typing import Any, Dict, List, Optional, Set, Tuple

import pytest

from pytest_maelstrom.inside import capturing, endings, immortal, live, output, stacks
from pytest_maelstrom.inside.forking import ForkServer
from pytest_maelstrom.inside.group import run_items
from pytest_maelstrom.inside.link import Link
from pytest_maelstrom.inside.plugins import Collecting, Running, numbered
from pytest_maelstrom.inside.preload import Preload
from pytest_maelstrom.inside.safety import (
    children_alive,
    copies_of_standard_streams,
    foreign_descriptors,
    threads_alive,
)
from pytest_maelstrom.inside.wire import Sender, out_of_the_way

_MANY = 64
"""Of so many cases on, a template's memory is put into large pages: they save 2 ms a case, in 20 ms."""

_VERY_MANY = 400
"""Of so many cases on, code is made immortal: a tenth of a second, for a millisecond a case."""


class Template(Collecting):
    """Collects as a run that only collects does, and stays.

    :param server: what it is forked by
    :param preload: learns what cases import, if that is wanted
    :param learned: what earlier runs have learned of that
    :param immortal: whether forks are to count no references to what code is made of
    """

    def __init__(
        self,
        config: pytest.Config,
        sender: Sender,
        server: ForkServer,
        preload: Optional[Preload],
        learned: Dict[str, Any],
        *,
        immortal: bool,
    ) -> None:
        super().__init__(config, sender)
        self._immortal = immortal
        self._learned = learned
        self._server = server
        self._preload = preload
        self._request: Dict[str, Any] = {}
        self._left_in = ""
        self._captured: List[int] = []
        self._running: Any = None
        self._items: Dict[Tuple[str, int], pytest.Item] = {}
        self._collected: List[pytest.Item] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Tell of all cases and be forked for each; returns in forks."""
        self.tell_collected(session)
        self.tell_why_stopped(session)
        measuring: Any = self.config.pluginmanager.getplugin("maelstrom-measuring")
        if measuring is not None:
            measuring.wait()
        self._items = {(item.nodeid, number): item for item, number in numbered(session.items)}
        # Forks must let go of none of them: that alone would touch, and so copy, where they all lie.
        self._collected = session.items
        self.sender.send("end", status=0)
        capture: Any = self.config.pluginmanager.getplugin("capturemanager")
        capturing.suspend(capture)
        live.flush()
        self._captured = capturing.captured_files(capture)
        if self._preload is not None:
            self._load_ahead(self._preload, {node_id for node_id, _ in self._items})
        unfit = [*threads_alive(), *children_alive(), *self._open_files()]
        self._server.freeze()
        endings.leave_out_own(self.config)
        gc.collect()
        # Collecting garbage would otherwise touch, and so copy, every page of the template.
        gc.freeze()
        running = self._running = self._take_turns()
        if self._preload is not None:
            self._preload.remember()
        wakes = None if self._preload is None else self._preload.wakes
        many = len(self._items) >= _MANY
        if self._immortal and len(self._items) >= _VERY_MANY and immortal.can_be():
            immortal.make_immortal()
        self._request = json.loads(self._server.serve(unfit, self._learn, wakes, many=many))
        self.sender.close()
        self.sender = running.sender = Sender()
        if measuring is not None:
            measuring.go_on()
        stacks.tell_when_asked(self.sender)
        if self._server.link is not None:
            debugging: Any = self.config.pluginmanager.getplugin("maelstrom-debugging")
            debugging.use(Link(self._server.link, out_of_the_way()), self.sender)
        self._left_in = output.prepare()
        capturing.renew(capture)
        self._run(session)
        return True

    def _take_turns(self) -> Running:
        """Let another plugin tell of the case; now, since it costs a fork much."""
        manager = self.config.pluginmanager
        manager.unregister(self)
        running = Running(self.config, self.sender)
        manager.register(running, "maelstrom-running")
        running.begin()
        return running

    def _load_ahead(self, preload: Preload, cases: Set[str]) -> None:
        """Import what these cases have imported in earlier runs."""
        told = preload.begin(self._learned["modules"], self._learned["refused"], cases)
        if any(told.values()):
            self.sender.send("preloaded", **told)

    def _learn(self) -> None:
        """Import what cases have imported."""
        if self._preload is not None and self._preload.learn():
            gc.freeze()

    @property
    def stays(self) -> bool:
        """Whether this is a fork that is to stay, since its case has failed."""
        return bool(self._request.get("keep")) and self._running.failed

    def ended(self) -> None:
        """In a fork, when the case has ended: send the files that it has left."""
        if self._request:
            self._running.send_left(self._left_in, self._request["output_bytes"])
            names = [] if self._preload is None else self._preload.tell()
            if names:
                self.sender.send("imported", names=names)

    def _run(self, session: pytest.Session) -> None:
        session.items = []
        for node_id, occurrence in self._request["cases"]:
            item = self._items.get((node_id, occurrence))
            if item is None:
                self.sender.send("internal error", text=f"the template has no case {node_id}")
                return
            session.items.append(item)
        session.testscollected = len(session.items)
        run_items(session, self._running, self._request, self._left_in)

    def _open_files(self) -> List[str]:
        known = [*self._server.descriptors, self.sender.descriptor, *self._captured]
        known += [] if self._preload is None else self._preload.descriptors
        copies = [copy for copy, _ in copies_of_standard_streams(known)]
        return foreign_descriptors([*known, *copies])
