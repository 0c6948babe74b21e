"""Plugins: found by entry points, checked, called so that one that raises costs its own work only.

The one door to pluggy, but for the marker in this package's ``__init__``.
"""

import warnings
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs
import pluggy

from maelstrom_core.errors import MaelstromError, UsageError
from maelstrom_core.hooks import specs
from maelstrom_core.hooks.installed import GROUP, OWN_RUNNERS, entries
from maelstrom_core.model.cases import Case, CaseReport
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import JobResult
from maelstrom_core.model.ports import BackendOpener
from maelstrom_core.model.views import RunView

_HOOK_NAMES = [name for name in vars(specs) if name.startswith("maelstrom_")]


def other_runners(runner: str = "") -> tuple[str, ...]:
    """Entry points of ours that a run has no use for.

    :param runner: whose run it is; that of no runner by default
    """
    return tuple(name for name in OWN_RUNNERS if name != runner)


class PluginFailed(MaelstromError):
    """A plugin's hook raised: whoever wrote the plugin must mend it.

    :param plugin: its name
    :param hook: the hook's name
    """

    def __init__(self, plugin: str, hook: str, error: Exception) -> None:
        super().__init__(f"plugin {plugin}: {hook} raised {type(error).__name__}: {error}")
        self.whose = f"plugin {plugin}"
        self.plugin = plugin
        self.hook = hook


@attrs.frozen
class Broken:
    """An entry point that could not be loaded."""

    name: str
    reason: str


class Plugins:
    """The plugins of one program, and typed calls of their hooks."""

    def __init__(
        self, block: Collection[str] = (), extra: Iterable[tuple[str, object]] = ()
    ) -> None:
        """Load what is installed.

        :param block: names of entry points that are left out
        :param extra: names and plugins to be added
        :raises UsageError: for a plugin with a hook that does not exist, with the nearest name
        """
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(specs)
        self.broken: list[Broken] = []
        for entry in entries(GROUP):
            if entry.name in block:
                continue
            try:
                plugin = entry.load()
            except Exception as error:
                # A broken stranger must not take everybody else along; it is named instead.
                self.broken.append(Broken(entry.name, f"{type(error).__name__}: {error}"))
                continue
            self.register(plugin, entry.name)
        for name, plugin in extra:
            self.register(plugin, name)

    def register(self, plugin: object, name: str) -> None:
        """Add a plugin.

        :raises UsageError: for a hook that does not exist, is a wrapper, or wants arguments that
            it is not given; for a plugin that was written for another version of the hooks
        """
        if self._manager.has_plugin(name):
            raise UsageError(f"plugin {name}: there is one of that name already")
        wanted = getattr(plugin, "MAELSTROM_API", specs.API_VERSION)
        if wanted != specs.API_VERSION:
            raise UsageError(
                f"plugin {name}: is written for version {wanted} of the hooks, and this is version "
                f"{specs.API_VERSION}",
                remedy="install a release of the plugin for this version, or uninstall it",
            )
        # Looked at before pluggy does: a plugin refused later would stay registered, and its
        # fault would be found again, and blamed on the next one.
        for attribute in dir(plugin):
            marks = self._manager.parse_hookimpl_opts(plugin, attribute)
            if marks is not None:
                _check(name, marks.get("specname") or attribute, marks)
        try:
            self._manager.register(plugin, name)
        except pluggy.PluginValidationError as error:
            raise UsageError(f"plugin {name}: {error}") from None

    def names(self) -> list[str]:
        """Names of all plugins, in the order in which they were registered."""
        return [name for name, _ in self._manager.list_name_plugin()]

    def options(self, settings: Any) -> None:
        """Let plugins declare settings."""
        self._all("maelstrom_options", settings=settings)

    def backend(self, settings: Any) -> BackendOpener | None:
        """A plugin's place to run jobs, if one offers any."""
        opener: BackendOpener | None = self._first("maelstrom_backend", settings=settings)
        return opener

    def collect(self, run: RunView) -> AsyncIterator[Case]:
        """Cases of the run's runner.

        :raises UsageError: if no plugin is that runner
        """
        cases: AsyncIterator[Case] | None = self._first("maelstrom_collect", run=run)
        if cases is None:
            raise UsageError(
                f"no plugin collects for the runner {run.runner!r}",
                remedy=f"installed: {', '.join(self.names()) or 'none'}",
            )
        return cases

    def package(self, run: RunView, case: Case) -> ContainerSpec:
        """Container of a case, before it is adjusted."""
        return self._needed("maelstrom_package", run=run, case=case)  # type: ignore[no-any-return]

    def adjust(self, run: RunView, case: Case, container: ContainerSpec) -> ContainerSpec:
        """What the plugins make of a case's container, one after the other."""
        hook = "maelstrom_adjust_container"
        for implementation in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            arguments = {"run": run, "case": case, "container": container}
            adjusted = self._call(implementation, hook, arguments)
            if isinstance(adjusted, ContainerSpec):
                container = adjusted
        return container

    def execute(self, run: RunView, case: Case, container: ContainerSpec) -> JobSpec:
        """The job of a case."""
        return self._needed(  # type: ignore[no-any-return]
            "maelstrom_execute", run=run, case=case, container=container
        )

    def execute_group(
        self, run: RunView, cases: Sequence[Case], container: ContainerSpec
    ) -> JobSpec | None:
        """The job of some cases that share a container; ``None`` if the runner has no such thing."""
        job: JobSpec | None = self._first(
            "maelstrom_execute_group", run=run, cases=cases, container=container
        )
        return job

    def report(self, run: RunView, case: Case, result: JobResult) -> CaseReport:
        """What the runner says of a case's ending."""
        return self._needed("maelstrom_report", run=run, case=case, result=result)  # type: ignore[no-any-return]

    def observe(self, hook: str, **arguments: Any) -> None:
        """Tell observers; one that raises is warned of, and told nothing less."""
        for implementation in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            wanted = {name: arguments[name] for name in implementation.argnames}
            try:
                implementation.function(**wanted)
            except Exception as error:
                failed = PluginFailed(implementation.plugin_name, hook, error)
                warnings.warn(str(failed), RuntimeWarning, stacklevel=2)

    def _all(self, hook: str, **arguments: Any) -> None:
        for implementation in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            self._call(implementation, hook, arguments)

    def _first(self, hook: str, **arguments: Any) -> Any:
        for implementation in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            result = self._call(implementation, hook, arguments)
            if result is not None:
                return result
        return None

    def _needed(self, hook: str, **arguments: Any) -> Any:
        result = self._first(hook, **arguments)
        if result is None:
            runner = arguments["run"].runner
            raise UsageError(f"the runner {runner!r} does not implement {hook}")
        return result

    @staticmethod
    def _call(implementation: Any, hook: str, arguments: dict[str, Any]) -> Any:
        wanted = {name: arguments[name] for name in implementation.argnames}
        try:
            return implementation.function(**wanted)
        except UsageError:
            raise
        except Exception as error:
            raise PluginFailed(implementation.plugin_name, hook, error) from error


def _check(plugin: str, hook: str, marks: Mapping[str, Any]) -> None:
    if hook not in _HOOK_NAMES and not marks.get("optionalhook"):
        import difflib  # needed for wrong names only

        near = difflib.get_close_matches(hook, _HOOK_NAMES, n=1)
        remedy = f"did you mean {near[0]}?" if near else "see maelstrom_core.hooks.specs"
        raise UsageError(f"plugin {plugin}: unknown hook {hook}", remedy=remedy)
    if marks.get("wrapper") or marks.get("hookwrapper"):
        # Hooks are called one by one, to know which plugin raised; a wrapper's generator would be
        # taken for its answer.
        remedy = "implement the hook itself; tryfirst and trylast order those of several plugins"
        raise UsageError(f"plugin {plugin}: {hook} cannot be wrapped", remedy=remedy)
