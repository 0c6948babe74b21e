"""The controlling process: collects nothing and runs nothing itself, but tells pytest of all of it."""

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from maelstrom_core.cluster.choose import open_backend
from maelstrom_core.hooks import hookimpl
from maelstrom_core.hooks.manager import Plugins, other_runners
from maelstrom_core.model.cases import Case, CaseReport
from maelstrom_core.model.views import RunView
from maelstrom_core.settings import Settings
from maelstrom_core.terminal.users import UsersTerminal
from maelstrom_core.testrun.history import History
from maelstrom_core.testrun.marks_plan import Marking
from maelstrom_core.testrun.project_name import shared_name
from maelstrom_core.testrun.sharing import sharing
from maelstrom_core.testrun.shell import TestRun
from maelstrom_core.testrun.state import Limits
from pytest_maelstrom import listing
from pytest_maelstrom.attach import Desk
from pytest_maelstrom.carried import NodeIds, hand_over
from pytest_maelstrom.choices import Choices, choices_of, wants_its_order
from pytest_maelstrom.containers import Containers, containers_of
from pytest_maelstrom.deselected import Deselected
from pytest_maelstrom.ending import (
    as_usage_errors,
    call_others,
    end_of_run,
    say_where,
    take_over_stop,
    told_plainly,
)
from pytest_maelstrom.environment import project_directory
from pytest_maelstrom.flaky import Attempts, say_why_it_stopped
from pytest_maelstrom.hookimpls import ENDS_THE_RUN, case_of
from pytest_maelstrom.ignored import report_ignored
from pytest_maelstrom.kept import MOST_KEPT, offer, refuse_without_a_terminal, why_failed
from pytest_maelstrom.learned import Learning
from pytest_maelstrom.live import Live, is_wanted
from pytest_maelstrom.looks import Looks
from pytest_maelstrom.measured import measured_of
from pytest_maelstrom.names import NO_GROUP, RUNNER
from pytest_maelstrom.outputs import Outputs, show
from pytest_maelstrom.remembered import Remembered
from pytest_maelstrom.repeats import Repeats
from pytest_maelstrom.replay import replay_case, replay_warning, reports_of, unserialized
from pytest_maelstrom.request import PytestRun, learned_so_far
from pytest_maelstrom.round import Round
from pytest_maelstrom.settings import read_settings
from pytest_maelstrom.shell import ShellWanted


class Controller:
    """pytest's hooks for the run as a whole; registered when the run is ours."""

    def __init__(self, config: pytest.Config, notes: list[str]) -> None:
        """Take a run over.

        :param notes: what is said of options at its beginning
        """
        self._config = config
        self._run: TestRun | None = None
        self._session: pytest.Session | None = None
        self._ended_by: BaseException | None = None
        self._failed = False
        """Whether a hook of pytest has: then nothing more is told, as plain pytest runs nothing more."""
        self._learning: Learning | None = None
        self._degraded: tuple[str, ...] = ()
        self._not_forked: tuple[tuple[str, int], ...] = ()
        self._not_measured: list[str] = []
        self._round = Round.of(config)
        self._notes = notes
        with as_usage_errors():
            self._plugins = Plugins(block=other_runners(RUNNER), extra=[("pytest-session", self)])
            self._settings: Settings = read_settings(config, self._plugins)
        self._outputs = Outputs(
            self._settings.output,
            Path(self._settings.state) / "output",
            most_bytes=self._settings.output_size,
        )
        self._plugins.register(self._outputs, "pytest-outputs")
        self._looks = Looks(config, self._plugins)
        config.pluginmanager.register(self._looks, "maelstrom-looks")
        self._remembered = Remembered(config)
        self._plugins.register(self._remembered, "pytest-remembered")
        as_events = config.option.maelstrom_ui == "json"
        self._live = Live(config) if is_wanted(config) and not as_events else None
        option, terminal = config.option, UsersTerminal()
        refuse_without_a_terminal(config, terminal)
        self._desk = Desk(config, terminal, most_kept=MOST_KEPT if option.maelstrom_keep else 0)
        self._looks.when_free = self._desk.when_free
        self._shell = ShellWanted(option.maelstrom_shell) if option.maelstrom_shell else None
        if self._live is not None:
            self._live.when_free = self._desk.when_free
            self._plugins.register(self._live, "pytest-live")
        self._measured = measured_of(config)
        if self._measured is not None:
            self._plugins.register(self._measured, "pytest-measured")
        self._attempts = Attempts(config, fail_on_flaky=self._settings.fail_on_flaky)
        config.pluginmanager.register(self._attempts, "maelstrom-attempts")
        self._node_ids = NodeIds(config)
        config.pluginmanager.register(self._node_ids, "maelstrom-node-ids")
        self._repeats = Repeats(config) if self._settings.repeat > 1 else None
        if self._repeats is not None:
            config.pluginmanager.register(self._repeats, "maelstrom-repeats")

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool:
        """Collect nothing here: that is done in a container, where the tests will run."""
        session.items = []
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            reporter.pytest_collection()  # pytest asks nobody after us
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run all cases in containers."""
        self._session = session
        with as_usage_errors():
            project = project_directory(self._config)
        measured = self._measured
        history_file = Path(self._settings.state) / "history.sqlite"
        with (
            as_usage_errors(),
            measured.paused() if measured else nullcontext(),
            History(history_file, runner=RUNNER, project=project) as history,
        ):
            learned = None
            if self._settings.preload == "learned" and not self._config.option.collectonly:
                learned, self._learning = learned_so_far(history), Learning(history)
                self._plugins.register(self._learning, "pytest-learning")
            run = PytestRun.of(
                self._config,
                preload=learned,
                immortal=self._settings.immortal == "code",
                measures_itself=measured is not None and bool(measured.environment),
            )
            needs = (measured.environment, measured.files) if measured else ()
            containers = containers_of(run, project, self._settings, *needs)
            choices = choices_of(
                self._config, self._settings, project, containers, history, self._looks.say
            )
            try:
                trio.run(
                    self._main,
                    history,
                    containers,
                    project,
                    choices,
                    restrict_keyboard_interrupt_to_checkpoints=True,
                )
            except BaseExceptionGroup as group:
                raise told_plainly(group) from None
            finally:
                if measured is not None:
                    self._not_measured = measured.finish()
        if self._ended_by is not None:
            raise self._ended_by
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        return True

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what this host could not give, and where files are that tests left."""
        if cases := self._outputs.cases:
            tests = f"{cases} test{'s' if cases != 1 else ''}"
            terminalreporter.line(f"maelstrom: files of {tests} in {self._outputs.directory}")
        if self._degraded:
            terminalreporter.section("maelstrom: not given by this host")
            for line in self._degraded:
                terminalreporter.line(line)
        if self._not_measured:
            terminalreporter.section("maelstrom: coverage that did not come")
            for line in self._not_measured:
                terminalreporter.line(line)
        if self._not_forked:
            terminalreporter.section("maelstrom: started afresh, since a fork would not be safe")
            for why, number in self._not_forked:
                terminalreporter.line(f"{number} test{'s' if number > 1 else ''}: {why}")

    @pytest.hookimpl(trylast=True)
    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """After pytest's terminal has made its words."""
        say_where(self._config, self._ended_by, excinfo)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Exit as the shell has, if there was one."""
        if self._shell is not None and self._shell.status is not None:
            session.exitstatus = self._shell.status

    def pytest_report_header(self) -> list[str]:
        """Say that tests run in containers."""
        slots = self._settings.slots
        kind = self._settings.group
        whose = "every test in its own container"
        if kind != NO_GROUP:
            whose = f"tests of one {kind} share a container"
        return [f"maelstrom: {whose}, {slots} at once", *self._notes]

    @property
    def _stays_here(self) -> bool:
        """Whether the run has to do with this machine alone: whoever is at a terminal notices a network
        between."""
        option = self._config.option
        wants_terminal = option.usepdb or option.trace or self._shell
        return bool(wants_terminal and not self._settings.cluster_only)

    async def _main(
        self, history: History, containers: Containers, project: Path, choices: Choices
    ) -> None:
        plugins = self._plugins
        for broken in plugins.broken:
            told = f"maelstrom plugin {broken.name}: {broken.reason}"
            if self._looks.shown is not None:
                self._looks.shown.say(told)
            self._config.issue_config_time_warning(pytest.PytestWarning(told), 2)
        settings = self._settings
        name = shared_name(settings.shared_history, project) if settings.broker else ""
        async with (
            open_backend(
                settings,
                plugins,
                project_directory=project,
                only_here=self._stays_here,
                on_upload=self._looks.uploading,
            ) as backend,
            sharing(history, backend, name) as shared,
        ):
            self._run = TestRun(
                runner=RUNNER,
                plugins=plugins,
                backend=backend,
                project_directory=project,
                options={
                    "containers": containers,
                    "container": choices.container,
                    "choices": choices,
                    "sharing": shared,
                    "collected": self._collection,
                    "show collecting": self._live.show_collecting if self._live else None,
                    "output bytes": self._settings.output_size,
                    "keep": self._config.option.maelstrom_keep,
                    "settings": self._settings,
                },
                limits=attrs.evolve(
                    Limits.of(self._settings, choices.planner.turns),
                    in_order=wants_its_order(self._config),
                ),
                marking=Marking.of(self._settings),
                history=history,
                viewer_of=self._desk.viewer_of,
                touched=lambda case: self._is_touched(case, project),
            )
            try:
                async with (
                    self._live.until_the_end() if self._live else nullcontext(),
                    self._desk.open(),
                    self._looks.begin(backend.slots, self._stop),
                ):
                    summary = await self._run.run()
            finally:
                self._looks.over(self._run.summary())
            if self._shell is not None:
                said = await self._shell.open(self._run.view, plugins, self._desk)
                self._show([said] if said else [])
            await offer(self._desk)
        self._degraded, self._not_forked = summary.degraded, summary.not_forked
        assert self._session is not None
        say_why_it_stopped(self._session, summary, self._settings.stop_after)
        if summary.errors:
            raise pytest.UsageError("\n".join(summary.errors))

    def _stop(self, why: str) -> None:
        """Somebody has had enough."""
        assert self._session is not None and self._run is not None
        self._session.shouldstop = self._session.shouldstop or why
        self._run.stop(why)

    def _is_touched(self, case: Case, project: Path) -> bool:
        root, this = self._config.rootpath, self._round
        return this is not None and this.touches(case.file, root=root, project=project)

    def _collection(self, messages: list[dict[str, Any]]) -> None:
        """Tell pytest how collecting went, before anything is run."""
        assert self._session is not None
        session, config = self._session, self._config
        if self._measured is not None:
            self._measured.take_collecting(messages)
        if self._learning is not None:
            self._learning.unlearn(messages)
        ignored = (case_of(one) for one in messages if one["kind"] == "ignored")
        self._looks.collected(messages, ignored)
        hand_over(config, messages)
        self._remembered.take(messages)
        self._node_ids.note(message["id"] for message in messages if message["kind"] == "case")
        cases = sum(message["kind"] in ("case", "ignored") for message in messages)
        for message in messages:
            match message["kind"]:
                case "collect report":
                    report = unserialized(config, message["report"])
                    config.hook.pytest_collectreport(report=report)
                case "warning":
                    replay_warning(config, message)
                case "usage error":
                    raise pytest.UsageError(message["text"])
                case "internal error":
                    raise RuntimeError(f"in the container that collects:\n{message['text']}")
                case kind if kind in ENDS_THE_RUN:
                    self._ended_by = end_of_run(message)
                case "deselected" if message["ids"]:
                    deselected = [Deselected(session, node_id) for node_id in message["ids"]]
                    config.hook.pytest_deselected(items=deselected)
                case "stopped" if not session.shouldstop:
                    session.shouldstop = message["reason"]
        session.testscollected = cases * self._settings.repeat
        self._show_collected(cases + sum(len(m.get("ids", ())) for m in messages))
        self._show([line for m in messages for line in m.get("lines", ())])
        assert self._run is not None
        if self._ended_by is None and self._shell is None:
            done, self._ended_by = call_others(session)
            if done:
                self._run.stop("a hook has run the tests")
        go_on = config.option.continue_on_collection_errors
        if session.testsfailed and not go_on:
            many = "s" if session.testsfailed != 1 else ""
            session.shouldstop = f"{session.testsfailed} error{many} during collection"
        if self._ended_by is not None or session.shouldstop or session.shouldfail:
            self._run.stop("collection failed")
        elif self._shell is not None:
            self._shell.find(messages)
            self._run.stop("a shell was asked for")
        elif config.option.collectonly:
            if not listing.show(config, messages):
                self._show(listing.tree(config, messages))
            self._run.stop("only collecting was asked for")
        else:
            report_ignored(config, messages)

    def _show_collected(self, number: int) -> None:
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            # Cases of many files end in turn: a line for each file would be torn to pieces.
            reporter.showfspath = False
            reporter._numcollected = number
            if hasattr(reporter, "tests_count"):  # pytest-sugar's own
                reporter.tests_count = self._session.testscollected if self._session else number
            reporter.report_collect(True)

    def _show(self, lines: Iterable[str]) -> None:
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            for line in lines:
                reporter.write_line(line)

    @hookimpl
    def maelstrom_case_reported(self, run: RunView, report: CaseReport) -> None:
        """Tell pytest of a case, now or when the terminal is free."""
        del run
        self._desk.when_free(lambda: self._reported(report))

    def _reported(self, report: CaseReport) -> None:
        """Tell pytest of a case; stop when pytest has had enough, or one of its hooks fails."""
        assert self._session is not None and self._run is not None
        if self._failed:
            return
        try:
            self._replay(report, self._session)
        except Exception as error:
            self._failed, self._ended_by = True, error
            self._run.stop(f"a hook raised {type(error).__name__}")
            return
        for message in report.details.get("exits", ()):
            self._ended_by = end_of_run(message)
            self._run.stop(f"{report.id} ended the run")
        take_over_stop(self._session, report.details.get("stops", []))
        if self._session.shouldfail or self._session.shouldstop:
            self._run.stop(str(self._session.shouldfail or self._session.shouldstop))

    def _replay(self, report: CaseReport, session: pytest.Session) -> None:
        reports = reports_of(self._config, report)
        show(self._outputs.left_by(report.id), reports)
        self._attempts.note(report, reports)
        if self._repeats is not None:
            self._repeats.note(report)
        with self._measured.resumed() if self._measured else nullcontext():
            replay_case(self._config, report, reports, live=self._live is not None)
        if report.status.is_failure:
            self._desk.explain(report.id, why_failed(reports))
        self._attempts.count(report, session)
