"""What ends a run before its tests have: as plain pytest ends, whoever has said so, and where."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from _pytest._code.code import ReprFileLocation

from maelstrom_core.errors import MaelstromError

_REPLACED = ("_pytest.", "pytest_maelstrom.", "xdist.")


@contextmanager
def as_usage_errors() -> Iterator[None]:
    """Turn errors of ours into pytest's: told in a few lines, without a traceback."""
    try:
        yield
    except MaelstromError as error:
        raise pytest.UsageError(f"maelstrom: {error}") from None


def end_of_run(message: Mapping[str, Any]) -> BaseException:
    """What pytest must be told so that it ends as it would have without containers.

    :param message: of a container, in which somebody wanted all of pytest to end
    """
    if message["kind"] == "exit":
        return pytest.exit.Exception(message["text"], message["code"])
    return KeyboardInterrupt(message["text"])


def told_plainly(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one thing that went wrong, out of the groups that trio wraps it in."""
    interrupt = group.subgroup(KeyboardInterrupt)
    if interrupt is not None:
        return KeyboardInterrupt()
    inner: BaseException = group
    while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
        inner = inner.exceptions[0]
    return inner


def take_over_stop(session: pytest.Session, messages: list[dict[str, Any]]) -> None:
    """What a test has said of its own session holds for the whole run."""
    for message in messages:
        if message["fail"]:
            session.shouldfail = session.shouldfail or message["text"]
        else:
            session.shouldstop = session.shouldstop or message["text"]


def call_others(session: pytest.Session) -> tuple[bool, BaseException | None]:
    """Call what else the project has for ``pytest_runtestloop``, as pytest does before its own.

    A loop of a plugin that is installed is replaced by ours: it would find no tests here.

    :return: whether one of them says that it has done all; and what one has raised
    """
    try:
        return _others_have_run(session), None
    except (Exception, KeyboardInterrupt) as error:
        return False, error


def _others_have_run(session: pytest.Session) -> bool:
    config = session.config
    installed = [plugin for plugin, _ in config.pluginmanager.list_plugin_distinfo()]
    for one in reversed(config.hook.pytest_runtestloop.get_hookimpls()):
        if one.hookwrapper or getattr(one, "wrapper", False) or one.trylast:
            continue
        if str(one.function.__module__).startswith(_REPLACED):
            continue
        if any(one.plugin is plugin for plugin in installed):
            continue
        if one.function(*(session for _ in one.argnames)) is not None:
            return True
    return False


def say_where(config: pytest.Config, ended_by: BaseException | None, excinfo: Any) -> None:
    """Have the terminal say where in a container the run was interrupted, and not where that was heard.

    :param ended_by: what was made of the words of the container
    """
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    told = getattr(reporter, "_keyboardinterrupt_memo", None)
    if told is None or ended_by is None or excinfo.value is not ended_by:
        return
    path, _, rest = str(excinfo.value).rpartition(": ")[0].rpartition(":")
    if path and rest.isdigit():
        told.reprcrash = ReprFileLocation(path, int(rest), "KeyboardInterrupt")
