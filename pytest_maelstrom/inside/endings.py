"""What of pytest's own need not be done at the end of a run which is the end of its process too.

pytest cleans up behind itself: it takes back what it has patched, forgets, removes old directories.
A fork of a template ends with its process and its container, and all that it touches for this is
memory that has to be copied. What plugins and the project's own files want done at the end is done.
"""

from typing import Any

import pytest

_KEPT = ("_pytest.runner", "_pytest.capture", "_pytest.unraisableexception")
"""Ends fixtures after ``pytest.exit``; gives the streams back; tells of errors nobody has seen."""


def leave_out_own(config: pytest.Config) -> None:
    """Have the run end without what is in vain; for a process that will be forked only.

    What is left out is found where pluggy and pytest keep it, which is no interface of theirs:
    where it is not found, all is done as ever.
    """
    has_logs = config.pluginmanager.hasplugin("logging-plugin")
    live = bool(has_logs and config.getini("log_cli"))
    _leave_out_hooks(config.hook.pytest_sessionfinish, live=live)
    _leave_out_hooks(config.hook.pytest_unconfigure, live=False)
    callbacks = getattr(getattr(config, "_cleanup_stack", None), "_exit_callbacks", None)
    if callbacks is not None:
        kept = [one for one in callbacks if not _is_in_vain(getattr(one[1], "__wrapped__", None))]
        callbacks.clear()
        callbacks.extend(kept)


def _leave_out_hooks(caller: Any, *, live: bool) -> None:
    remove = getattr(caller, "_remove_plugin", None)
    if remove is None:
        return
    implementations = caller.get_hookimpls()
    # A wrapper is there for what it wraps: warnings and logs of the hooks of others.
    own = ("_pytest.", "pytest_maelstrom.")
    others = any(not one.function.__module__.startswith(own) for one in implementations)
    for one in implementations:
        wraps = one.hookwrapper or getattr(one, "wrapper", False)
        if _is_in_vain(one.function) and not (wraps and (others or live)):
            remove(one.plugin)


def _is_in_vain(function: Any) -> bool:
    module = getattr(function, "__module__", None) or ""
    return module.startswith("_pytest.") and module not in _KEPT
