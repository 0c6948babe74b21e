"""One invocation: opens what is needed, runs, tells, ends. For trio."""

import argparse
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    ExitStack,
    asynccontextmanager,
    closing,
    contextmanager,
)
from functools import partial
from pathlib import Path
from typing import Any

import trio

from maelstrom_core.cluster.choose import open_backend
from maelstrom_core.errors import InputError, MaelstromError
from maelstrom_core.filters import EVERYTHING, BadFilter, Tree, combined, evaluate, parse
from maelstrom_core.hooks.manager import Plugins
from maelstrom_core.model.cases import Case
from maelstrom_core.model.ports import Backend
from maelstrom_core.model.uploads import Uploading
from maelstrom_core.model.views import RunView
from maelstrom_core.program.declared import Prepared, RunnerProgram
from maelstrom_core.program.event_log import EventLog
from maelstrom_core.program.exit_codes import exit_code
from maelstrom_core.program.images import Images
from maelstrom_core.program.lines import Lines
from maelstrom_core.program.listing import print_list
from maelstrom_core.program.look import Look
from maelstrom_core.program.options import LOOKS
from maelstrom_core.program.selection import Selection
from maelstrom_core.program.watching import in_words, watching
from maelstrom_core.settings import Settings
from maelstrom_core.settings.toml_file import read_toml
from maelstrom_core.spec.inherit_plan import NOTHING
from maelstrom_core.spec.templates import templates
from maelstrom_core.testrun.directives import read_directives
from maelstrom_core.testrun.directives_plan import Planner, images_of
from maelstrom_core.testrun.history import History
from maelstrom_core.testrun.marks_plan import Marking
from maelstrom_core.testrun.project_name import shared_name
from maelstrom_core.testrun.sharing import Sharing, sharing
from maelstrom_core.testrun.shell import TestRun
from maelstrom_core.testrun.state import Limits


class Session:
    """What one command line comes to."""

    def __init__(
        self,
        program: RunnerProgram,
        chosen: argparse.Namespace,
        settings: Settings,
        plugins: Plugins,
    ) -> None:
        self._program = program
        self._chosen = chosen
        self._settings = settings
        self._plugins = plugins
        self._wanted = self._filter()
        self._run: TestRun | None = None
        self._sharing = Sharing()
        self._faults = 0
        self._interrupted = False
        self._look: Look = self._make_look()
        self._looks = [self._look]

    async def run(self) -> int:
        """Do what was asked for; nothing is left when it returns. The exit status."""
        prepared = self._program.prepare(self._chosen, self._settings)
        history_file = Path(self._settings.state) / "history.sqlite"
        with (
            _as_one_error(),
            History(history_file, runner=self._program.runner, project=prepared.project) as history,
            ExitStack() as files,
            closing(Images(self._settings, prepared.project, self._look.say)) as images,
        ):
            planner = await self._planner(prepared, images)
            for name, reporter in self._reporters(files):
                self._plugins.register(reporter, name)
            for broken in self._plugins.broken:
                self._look.say(f"plugin {broken.name} is left out: {broken.reason}")
            if self._chosen.watch and not self._chosen.list:
                return await self._watch(prepared, planner, images, history)
            async with (
                self._backend(prepared) as backend,
                self._shared(prepared, history, backend) as self._sharing,
            ):
                if self._chosen.list:
                    return await self._list(prepared, planner, history, backend)
                while True:
                    status = await self._once(prepared, planner, history, backend)
                    if status or not self._chosen.until_fail:
                        return status

    def _backend(self, prepared: Prepared) -> AbstractAsyncContextManager[Backend]:
        return open_backend(
            self._settings,
            self._plugins,
            project_directory=prepared.project,
            on_upload=self._uploading,
        )

    def _uploading(self, upload: Uploading) -> None:
        for look in self._looks:
            look.uploading(upload)

    def _shared(
        self, prepared: Prepared, history: History, backend: Backend
    ) -> AbstractAsyncContextManager[Sharing]:
        settings = self._settings
        name = shared_name(settings.shared_history, prepared.project) if settings.broker else ""
        return sharing(history, backend, name)

    async def _watch(
        self, prepared: Prepared, planner: Planner, images: Images, history: History
    ) -> int:
        """Run, and again whenever something changes, until somebody has had enough."""
        settings = self._settings
        own = [Path(settings.state), Path(settings.store)]
        own += [Path(path) for path in (self._chosen.junit, self._chosen.events) if path]
        own += prepared.writes
        changed: frozenset[str] = frozenset()
        async with watching(prepared.project, own) as changes:
            while True:
                # A backend makes layers once: what has changed needs another one.
                async with (
                    self._backend(prepared) as backend,
                    self._shared(prepared, history, backend) as self._sharing,
                ):
                    status = await self._once(prepared, planner, history, backend, changed)
                if self._interrupted:
                    return status
                while True:
                    changed = await self._look.waiting(changes.next)
                    if self._look.had_enough:
                        return status
                    self._look.say(in_words(changed))
                    self._faults = 0
                    try:
                        prepared = self._program.prepare(self._chosen, settings)
                        planner = await self._planner(prepared, images)
                        break
                    except MaelstromError as error:
                        self._look.say(str(error))

    def _make_look(self) -> Look:
        wanted = "lines" if self._chosen.list else self._chosen.ui
        if wanted == "auto":
            wanted = "live" if sys.stdout.isatty() and os.environ.get("TERM") != "dumb" else "lines"
        if wanted in self._program.looks:
            return self._program.looks[wanted]()
        if wanted == "live":
            from maelstrom_core.program.live import LiveScreen

            return LiveScreen()
        if wanted == "json":
            return EventLog(sys.stdout)
        return Lines(is_quiet=wanted == "quiet")

    def _reporters(self, files: ExitStack) -> Iterator[tuple[str, Any]]:
        yield "program-look", self._look
        # Each takes a while to be imported, and is wanted by few runs.
        if self._chosen.junit:
            from maelstrom_core.program.junit import JUnit

            yield "program-junit", JUnit(Path(self._chosen.junit), self._program.program)
        if self._chosen.events:
            try:
                file = Path(self._chosen.events).open("w", encoding="utf-8")  # noqa: SIM115
            except OSError as error:
                raise InputError(
                    "events cannot be written", [f"{self._chosen.events}: {error.strerror}"]
                ) from None
            log = EventLog(files.enter_context(file))
            self._looks.append(log)
            yield "program-events", log
        if os.environ.get("GITHUB_ACTIONS") == "true" and self._chosen.ui in LOOKS[:-1]:
            from maelstrom_core.program.github import Annotations

            yield "program-github", Annotations(self._program.program)

    def _filter(self) -> Tree:
        found: dict[str, tuple[Tree, ...]] = {}
        faults = []
        for name in ("include", "exclude"):
            trees = []
            for text in getattr(self._chosen, name):
                try:
                    trees.append(parse(text, self._program.selectors))
                except BadFilter as bad:
                    told = bad.told.replace("\n", "\n  ")
                    faults.append(f"--{name}: {told}")
            found[name] = tuple(trees)
        if faults:
            raise InputError("these filters cannot be used", faults)
        return combined(found["include"], found["exclude"]) if any(found.values()) else EVERYTHING

    async def _planner(self, prepared: Prepared, images: Images) -> Planner:
        program, settings = self._program, self._settings
        data = read_toml(prepared.project / program.file) or {}
        directives = read_directives(
            data,
            program.selectors,
            file=program.file,
            cannot=program.cannot,
            templates=templates(os.fspath(prepared.project), prepared.templates),
        )
        named = images_of(directives)
        if named and prepared.frame is None:
            faults = [f"{image}: tests of this runner cannot run in images" for image in named]
            raise InputError(f"{program.file} cannot be used", faults)
        return Planner(
            directives,
            program.selectors,
            default=prepared.container,
            images=await images.bring(named),
            frame=prepared.frame or NOTHING,
            always=prepared.always,
            timeout=settings.timeout,
            timeout_is_final=self._chosen.timeout is not None,
            client=os.environ,
            project=os.fspath(prepared.project),
        )

    def _selection(self, planner: Planner, history: History) -> Selection:
        return Selection(
            self._wanted,
            self._program.selectors,
            planner,
            history,
            self._sharing,
            only=history.failed() if self._chosen.rerun_failed else None,
            shard=self._chosen.shard,
            say=self._look.say,
        )

    def _options(self, prepared: Prepared, planner: Planner) -> dict[str, Any]:
        return {
            **prepared.options,
            "plan of": planner.for_case,
            "may choose": lambda facts: evaluate(self._wanted, facts) is not False,
            "fault": self._fault,
            "say": self._look.say,
            "busy with": self._look.busy_with,
            "settings": self._settings,
        }

    def _fault(self, text: str) -> None:
        """Told by a runner: something that belongs to no case, such as a failed build."""
        self._faults += 1
        for look in self._looks:
            look.fault(text)

    async def _list(
        self, prepared: Prepared, planner: Planner, history: History, backend: Backend
    ) -> int:
        view = RunView(
            runner=self._program.runner,
            project_directory=prepared.project,
            options=self._options(prepared, planner),
            run_job=backend.run,
        )
        selection = self._selection(planner, history)
        cases = [case async for case in selection.choose(self._plugins.collect(view))]
        print_list(cases, what=self._chosen.list, as_json=self._chosen.ui == "json")
        return 1 if self._faults else 0

    async def _once(
        self,
        prepared: Prepared,
        planner: Planner,
        history: History,
        backend: Backend,
        changed: frozenset[str] = frozenset(),
    ) -> int:
        selection = self._selection(planner, history)
        self._run = TestRun(
            runner=self._program.runner,
            plugins=self._plugins,
            backend=backend,
            project_directory=prepared.project,
            options=self._options(prepared, planner),
            limits=Limits.of(self._settings, planner.turns),
            marking=Marking.of(self._settings),
            history=history,
            choose=selection.choose,
            touched=lambda case: bool(changed) and prepared.touched(case, changed),
        )
        self._look.stop = self._stop
        self._look.begin(self._program.program, backend.slots)
        async with _hearing(self._interrupt), self._look.open():
            summary = await self._run.run()
        ignored: list[Case] = [case for case, _ in selection.ignored]
        for look in self._looks:
            look.over(summary, ignored=ignored, unwanted=selection.unwanted, faults=self._faults)
        return exit_code(
            summary,
            faults=self._faults,
            ignored=len(ignored),
            interrupted=self._interrupted,
        )

    def _stop(self, why: str) -> None:
        assert self._run is not None
        self._interrupted = True
        self._run.stop(why)

    def _interrupt(self, number: int) -> None:
        self._stop(f"interrupted by {signal.Signals(number).name}")


@asynccontextmanager
async def _hearing(interrupt: Any) -> AsyncIterator[None]:
    """Let Ctrl-C end the run; twice, end it at once."""

    async def hear(nursery: trio.Nursery) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            times = 0
            async for number in signals:
                times += 1
                if times > 1:
                    nursery.cancel_scope.cancel()
                interrupt(number)

    async with trio.open_nursery() as nursery:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            nursery.start_soon(partial(hear, nursery))
        yield
        nursery.cancel_scope.cancel()


@contextmanager
def _as_one_error() -> Iterator[None]:
    """What went wrong, out of the groups that trio wraps it in."""
    try:
        yield
    except BaseExceptionGroup as group:
        known = group.subgroup(MaelstromError)
        inner: BaseException = known if known is not None else group
        while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
            inner = inner.exceptions[0]
        raise inner from None
