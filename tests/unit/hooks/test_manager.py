"""Plugins: found, checked, asked in turn, and blamed by name when they raise."""

import contextlib
import inspect
import os
import re
import subprocess
import sys
import textwrap
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from maelstrom_core.errors import MaelstromError, UsageError
from maelstrom_core.hooks import hookimpl, specs
from maelstrom_core.hooks.manager import PluginFailed, Plugins
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import Exited, JobResult
from maelstrom_core.model.views import RunView, Summary
from maelstrom_core.settings import Schema

Hook = Callable[..., Any]
HOOKS: dict[str, Hook] = {
    name: value for name, value in vars(specs).items() if name.startswith("maelstrom_")
}


async def run_nothing(job: JobSpec, *, on_output: object = None) -> JobResult:
    raise AssertionError("no test here runs a job")


RUN = RunView(runner="shell", project_directory=Path("/p"), options={}, run_job=run_nothing)
CASE = Case(id=CaseId("a.sh"), name="a", file="a.sh", markers=("loopback",))
CONTAINER = ContainerSpec()
RESULT = JobResult(outcome=Exited(0))
REPORT = CaseReport(id=CASE.id, status=CaseStatus.PASSED)


def arguments_of(hook: str) -> dict[str, Any]:
    """What ``hook`` may be called with."""
    known = {
        "settings": Schema("demo", "DEMO"),
        "run": RUN,
        "case": CASE,
        "cases": [CASE, CASE],
        "container": CONTAINER,
        "job": JobSpec(container=CONTAINER, program="sh"),
        "result": RESULT,
        "report": REPORT,
        "seconds": 60.0,
        "stream": 1,
        "data": b"output",
        "summary": Summary(reports=(REPORT,)),
    }
    return {name: known[name] for name in inspect.signature(HOOKS[hook]).parameters}


def plugin(**hooks: Hook) -> types.SimpleNamespace:
    return types.SimpleNamespace(**{name: hookimpl(hook) for name, hook in hooks.items()})


def plugins(**named: object) -> Plugins:
    """Some plugins, in this order, and nothing of what is installed."""
    return Plugins(block=["cargo", "go", "pytest"], extra=named.items())


def refusal(refused: object, name: str = "mine") -> str:
    with pytest.raises(UsageError) as bad:
        plugins(**{name: refused})
    return str(bad.value)


# Checked


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("maelstrom_colect", "did you mean maelstrom_collect?"),
        ("maelstrom_reports", "did you mean maelstrom_report?"),
        ("mealstrom_package", "did you mean maelstrom_package?"),
        ("zzz", "see maelstrom_core.hooks.specs"),
    ],
)
def test_a_hook_that_does_not_exist_is_refused_with_what_was_meant(
    written: str, remedy: str
) -> None:
    told = refusal(plugin(**{written: lambda run: None}))
    assert told == f"plugin mine: unknown hook {written}\n  {remedy}"


def test_only_what_is_marked_as_a_hook_is_taken_for_a_misspelt_one() -> None:
    """``import maelstrom_core`` gives a plugin a name that looks like a hook's."""
    told = refusal(
        types.SimpleNamespace(maelstrom_core=1, maelstrom_reprot=hookimpl(lambda run: None))
    )
    assert "unknown hook maelstrom_reprot" in told
    plugins(mine=types.SimpleNamespace(maelstrom_core=1))


def test_a_hook_named_by_its_mark_is_checked_by_that_name() -> None:
    misspelt = types.SimpleNamespace(collect=hookimpl(specname="maelstrom_colect")(lambda run: 1))
    assert "did you mean maelstrom_collect?" in refusal(misspelt)


def test_a_hook_of_another_version_may_be_marked_as_optional() -> None:
    hook = hookimpl(optionalhook=True)(lambda run: None)
    newer = types.SimpleNamespace(maelstrom_from_the_future=hook)
    assert plugins(mine=newer).names() == ["mine"]


def test_a_plugin_for_another_version_of_the_hooks_is_refused_before_its_hooks_are_looked_at() -> (
    None
):
    hooks = {"maelstrom_from_the_future": hookimpl(lambda run: None)}
    told = refusal(types.SimpleNamespace(MAELSTROM_API=2, **hooks))
    assert told.startswith(
        "plugin mine: is written for version 2 of the hooks, and this is version 1\n"
    )
    assert plugins(mine=types.SimpleNamespace(MAELSTROM_API=1)).names() == ["mine"]


def test_arguments_that_a_hook_is_not_given_are_refused() -> None:
    told = refusal(plugin(maelstrom_collect=lambda run, case: None))
    assert told.startswith("plugin mine: ") and "{'case'}" in told


@pytest.mark.parametrize("kind", ["wrapper", "hookwrapper"])
def test_wrappers_are_refused(kind: str) -> None:
    def wrap(run: RunView) -> Any:
        yield

    mark: Any = {kind: True}
    told = refusal(types.SimpleNamespace(maelstrom_collect=hookimpl(**mark)(wrap)))
    assert told.startswith("plugin mine: maelstrom_collect cannot be wrapped")


def test_a_second_plugin_of_one_name_is_refused() -> None:
    registered = plugins(mine=plugin())
    with pytest.raises(UsageError, match="plugin mine: there is one of that name already"):
        registered.register(plugin(), "mine")


def test_a_refused_plugin_leaves_nothing_behind_that_the_next_one_is_blamed_for() -> None:
    registered = plugins()
    with pytest.raises(UsageError):
        registered.register(plugin(maelstrom_colect=lambda run: None), "bad")
    registered.register(plugin(maelstrom_collect=lambda run: None), "good")
    assert registered.names() == ["good"]


# Blamed


def raising(hook: str, error: Exception) -> types.SimpleNamespace:
    def fail() -> None:
        raise error

    return plugin(**{hook: fail})


CALLS: dict[str, Callable[[Plugins], object]] = {
    "maelstrom_options": lambda asked: asked.options(Schema("demo", "DEMO")),
    "maelstrom_backend": lambda asked: asked.backend(None),
    "maelstrom_collect": lambda asked: asked.collect(RUN),
    "maelstrom_package": lambda asked: asked.package(RUN, CASE),
    "maelstrom_adjust_container": lambda asked: asked.adjust(RUN, CASE, CONTAINER),
    "maelstrom_execute": lambda asked: asked.execute(RUN, CASE, CONTAINER),
    "maelstrom_execute_group": lambda asked: asked.execute_group(RUN, [CASE, CASE], CONTAINER),
    "maelstrom_report": lambda asked: asked.report(RUN, CASE, RESULT),
}
OBSERVERS = sorted(set(HOOKS) - set(CALLS))


@pytest.mark.parametrize("hook", CALLS)
def test_a_plugin_that_raises_is_blamed_by_name(hook: str) -> None:
    asked = plugins(other=plugin(), mine=raising(hook, ZeroDivisionError("of mine")))
    with pytest.raises(PluginFailed) as failed:
        CALLS[hook](asked)
    assert str(failed.value) == f"plugin mine: {hook} raised ZeroDivisionError: of mine"
    assert (failed.value.plugin, failed.value.hook) == ("mine", hook)
    assert failed.value.whose == "plugin mine"
    assert isinstance(failed.value.__cause__, ZeroDivisionError)
    # What is no MaelstromError ends a run with a traceback through our own code.
    assert isinstance(failed.value, MaelstromError)


@pytest.mark.parametrize("hook", CALLS)
def test_what_a_plugin_says_the_user_did_wrong_is_no_fault_of_the_plugin(hook: str) -> None:
    said = UsageError("no such script: b.sh")
    with pytest.raises(UsageError) as told:
        CALLS[hook](plugins(mine=raising(hook, said)))
    assert told.value is said
    assert told.value.whose == "you"


@pytest.mark.parametrize("hook", OBSERVERS)
def test_an_observer_that_raises_is_warned_of_and_the_others_are_told(hook: str) -> None:
    told: list[str] = []
    asked = plugins(
        first=plugin(**{hook: lambda: told.append("first")}),
        mine=raising(hook, ZeroDivisionError("of mine")),
        last=plugin(**{hook: lambda: told.append("last")}),
    )
    with pytest.warns(RuntimeWarning, match=f"^plugin mine: {hook} raised ZeroDivisionError"):
        asked.observe(hook, **arguments_of(hook))
    assert told == ["last", "first"]


# Asked in turn


@pytest.mark.parametrize("hook", CALLS)
def test_plugins_are_asked_in_pluggys_order(hook: str) -> None:
    asked: list[str] = []

    def ask(name: str, **mark: bool) -> types.SimpleNamespace:
        return types.SimpleNamespace(**{hook: hookimpl(**mark)(lambda: asked.append(name))})  # type: ignore[call-overload]

    said = plugins(
        tryfirst=ask("tryfirst", tryfirst=True),
        earlier=ask("earlier"),
        later=ask("later"),
        trylast=ask("trylast", trylast=True),
    )
    # All of them leave it to another one; for some hooks it is an error if there is none.
    with contextlib.suppress(UsageError):
        CALLS[hook](said)
    assert asked == ["tryfirst", "later", "earlier", "trylast"]


def test_the_first_answer_is_taken_and_nobody_else_is_asked() -> None:
    asked = plugins(
        shadowed=raising("maelstrom_package", ZeroDivisionError()),
        mine=plugin(maelstrom_package=lambda: CONTAINER),
        silent=plugin(maelstrom_package=lambda: None),
    )
    assert asked.package(RUN, CASE) is CONTAINER


def test_each_plugin_adjusts_what_the_one_before_it_made() -> None:
    def add(name: str) -> types.SimpleNamespace:
        def adjust(container: ContainerSpec) -> ContainerSpec:
            return attrs.evolve(container, hostname=f"{container.hostname}-{name}")

        return plugin(maelstrom_adjust_container=adjust)

    silent = plugin(maelstrom_adjust_container=lambda: None)
    adjusted = plugins(b=add("b"), silent=silent, a=add("a")).adjust(RUN, CASE, CONTAINER)
    assert adjusted == attrs.evolve(CONTAINER, hostname=f"{CONTAINER.hostname}-a-b")


def test_a_runner_that_nobody_is_is_refused_with_what_is_installed() -> None:
    with pytest.raises(UsageError, match=r"runner 'shell'\n  installed: other$"):
        plugins(other=plugin(maelstrom_collect=lambda run: None)).collect(RUN)


@pytest.mark.parametrize("hook", ["maelstrom_package", "maelstrom_execute", "maelstrom_report"])
def test_a_runner_that_lacks_a_hook_is_told_which(hook: str) -> None:
    with pytest.raises(UsageError, match=f"the runner 'shell' does not implement {hook}"):
        CALLS[hook](plugins())


# Found


def install(directory: Path, name: str, code: str) -> None:
    """A distribution with one plugin, as an installer leaves it."""
    (directory / f"{name}_module.py").write_text(textwrap.dedent(code))
    metadata = directory / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[maelstrom]\n{name} = {name}_module\n")


COLLECTS = """
    from maelstrom_core.hooks import hookimpl

    @hookimpl
    def maelstrom_package():
        return "from the entry point"
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_what_is_installed_is_found(site: Path) -> None:
    install(site, "found", COLLECTS)
    asked = Plugins(block=["cargo", "go", "pytest"])
    assert asked.names() == ["found"]
    assert asked.package(RUN, CASE) == "from the entry point"  # type: ignore[comparison-overlap]


def test_our_own_runner_is_found_like_a_strangers() -> None:
    assert "pytest" in Plugins().names()


def test_a_blocked_plugin_is_not_even_imported(site: Path) -> None:
    install(site, "blocked", "import sys; sys.blocked_was_imported = True")
    assert "blocked" not in Plugins(block=["blocked"]).names()
    assert not hasattr(sys, "blocked_was_imported")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
    ids=["import", "raise"],
)
def test_one_that_cannot_be_loaded_is_named_and_the_others_are_kept(
    code: str, reason: str, site: Path
) -> None:
    install(site, "a_broken", code)
    install(site, "b_working", COLLECTS)
    asked = Plugins(block=["cargo", "go", "pytest"])
    assert asked.names() == ["b_working"]
    (broken,) = asked.broken
    assert broken.name == "a_broken" and broken.reason.startswith(reason)


def test_an_installed_one_with_a_misspelt_hook_is_refused_by_name(site: Path) -> None:
    install(site, "misspelt", COLLECTS.replace("_package", "_pakage"))
    with pytest.raises(UsageError, match=r"^plugin misspelt: unknown hook .*\n.*_package\?$"):
        Plugins()


def test_an_installed_one_can_declare_settings_of_its_own(site: Path, tmp_path: Path) -> None:
    example = f"from maelstrom_core.hooks import hookimpl\n{example_of('maelstrom_options')}"
    install(site, "devices", example)
    paths = [f"{site}", *os.environ.get("PYTHONPATH", "").split(":")]
    shown = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "maelstrom", "--maelstrom-print-config"],
        env={**os.environ, "PYTHONPATH": ":".join(paths), "MAELSTROM_PYTEST_DEVICES": "3"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert re.search(r"^devices += 3  # \$MAELSTROM_PYTEST_DEVICES$", shown.stdout, re.M), shown


# Documented


def documentation_of(hook: str) -> str:
    return inspect.getdoc(HOOKS[hook]) or ""


def example_of(hook: str) -> str:
    return textwrap.dedent(documentation_of(hook).partition("\nExample::\n")[2])


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_says_what_it_is_for_what_it_is_given_and_what_it_returns(hook: str) -> None:
    text, signature = documentation_of(hook), inspect.signature(HOOKS[hook])
    assert re.match(r"[A-Z][^\n]+[.:]", text)
    assert "Called" in text or "live" in text, "it does not say when it is called"
    assert re.findall(r"^:param (\w+): \S", text, re.M) == list(signature.parameters)
    returns = re.findall(r"^:return: \S", text, re.M)
    assert len(returns) == (signature.return_annotation is not None)


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_of_every_hook_is_a_plugin_that_works(hook: str) -> None:
    module = types.ModuleType("example")
    exec(f"from maelstrom_core.hooks import hookimpl\n{example_of(hook)}", vars(module))
    plugins(example=module)
    implementation = getattr(module, hook)
    given = arguments_of(hook)
    answer = implementation(
        **{name: given[name] for name in inspect.signature(implementation).parameters}
    )
    assert isinstance(answer, promised(hook))


def promised(hook: str) -> tuple[type, ...]:
    """Types of what a hook returns when it does not leave it to another plugin."""
    hint = typing.get_type_hints(HOOKS[hook])["return"]
    kinds = [kind for kind in typing.get_args(hint) if kind is not types.NoneType] or [hint]
    return tuple(typing.get_origin(kind) or kind for kind in kinds)
