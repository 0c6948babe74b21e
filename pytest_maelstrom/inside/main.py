"""Started in a container as ``python main.py``; does what standard input says.

That is to collect, or to run a case (or some that share a container), or to be a template: to
collect, and then to be forked for each case.

The configuration is made as pytest-xdist makes that of its workers, with which the ecosystem's
plugins live well: from the controlling process's options, with a ``workerinput`` that tells them
that they are not in the controlling process.
"""

import gc
import os
import sys
from typing import Any, Dict


def main() -> int:
    """Do what standard input says; zero if that could be told."""
    gc.disable()  # importing makes no garbage, and looking for it takes an eighth of its time
    # This file is shown to any interpreter of any container; what it needs lies beside it.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[0] = os.path.dirname(os.path.dirname(here))
    from pytest_maelstrom.inside.wire import Sender, out_of_the_way, read_request

    sender, request = Sender(), read_request()
    server: Any = None
    if request["kind"] == "template":
        from pytest_maelstrom.inside.at_fork import AtFork

        at_fork = AtFork()  # before anybody registers who is to be told
        from pytest_maelstrom.inside.forking import ForkServer

        server = ForkServer(out_of_the_way(), at_fork)
    from pytest_maelstrom.inside import debugging, live, output, plugins, stacks, staying
    from pytest_maelstrom.inside.link import LINK_DESCRIPTOR, Link

    link: Any = None
    if server is None:
        stacks.tell_when_asked(sender)

    live.write_by_lines()
    own_path = sys.path[1:] if request["own_path"] else []
    sys.path[:] = [*request["sys_path"], *own_path]
    sys.argv[:] = request["argv"]
    import pytest

    if request["measures_itself"]:
        # Its coverage has started. What tests start is measured where the project says so alone.
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
    from pytest_maelstrom.inside.carried import Carrier

    if server is not None:
        gc.freeze()  # what was imported stays: no need to look through it again and again
    gc.enable()
    inside: Any = None
    try:
        config = make_config(request)
        if request["kind"] == "collect":
            inside = plugins.Collecting(config, sender)
        elif server is not None:
            from pytest_maelstrom.inside.preload import Preload
            from pytest_maelstrom.inside.template import Template

            learned = request["preload"]
            preload = None if learned is None else Preload(out_of_the_way())
            inside = Template(
                config, sender, server, preload, learned, immortal=request["immortal"]
            )
        else:
            inside = plugins.SomeCases(config, sender, request, output.prepare())
        inside.with_tree = request["carried"]["tree"]
        debugger = debugging.Debugging(config, sender)
        if request["kind"] == "run":
            debugger.use(Link(LINK_DESCRIPTOR, out_of_the_way()), sender)
        config.pluginmanager.register(debugger, "maelstrom-debugging")
        config.pluginmanager.register(inside, "maelstrom-inside")
        if "coverage" in sys.modules:
            from pytest_maelstrom.inside import measuring

            measures = measuring.measuring_of(config, lambda: inside.sender)
            if measures is not None:
                config.pluginmanager.register(measures, measuring.NAME)
        carrier = Carrier(config, inside, request["carried"])
        config.pluginmanager.register(carrier, "maelstrom-carrier")
        config.pluginmanager.register(live.LiveLogs(), "maelstrom-live-logs")
        status = int(config.hook.pytest_cmdline_main(config=config))
    except pytest.UsageError as error:
        sender = sender if inside is None else inside.sender
        sender.send("usage error", text="\n".join(str(line) for line in error.args))
        status = int(pytest.ExitCode.USAGE_ERROR)
    else:
        config._ensure_unconfigure()
        sender = inside.sender  # a fork has one of its own
        if request["kind"] != "collect":
            inside.ended()
        link = debugger.link
    sender.send("end", status=status)
    if link is not None and inside.stays:
        staying.stay(link)
    # Only what has failed is asked which limits it has run into.
    return int(status == pytest.ExitCode.TESTS_FAILED)


def leave(status: int) -> None:
    """End this process as an interpreter ends, but for two things.

    Threads that a test has left are not waited for: plain pytest has told of the test before it
    waits for them, and the container's end is theirs. And memory is not taken apart piece by piece.
    """
    import atexit

    try:
        atexit._run_exitfuncs()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                continue  # closed, or replaced by a test
        os._exit(status)


def make_config(request: Dict[str, Any]) -> Any:
    """A configuration equal to the controlling process's."""
    from _pytest.config import Config

    options = decoded(request["options"])
    # Plugins are named as arguments, so that they are there when options are parsed.
    named = [word for plugin in options.pop("plugins") for word in ("-p", plugin)]
    config = Config.fromdictargs({**options, "plugins": []}, [*named, *request["arguments"]])
    config.workerinput = WorkerInput(  # type: ignore[attr-defined]
        config,
        {
            "workerid": request["worker_id"],
            "workercount": 1,
            "testrunuid": request["run_id"],
            "mainargv": request["argv"],
        },
    )
    config.workeroutput = {}  # type: ignore[attr-defined]
    # Where it is, plugins connect to its controller. Its fixtures stay: pytest has noted them.
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.unregister(name="xdist")
    return config


class WorkerInput(Dict[str, Any]):
    """What pytest-xdist tells its workers.

    Plugins add to it in xdist's controller, which is not there; what they add is by custom the value
    of an option, under its name, and the options are known here.
    """

    def __init__(self, config: Any, told: Dict[str, Any]) -> None:
        super().__init__(told)
        self._config = config

    def __missing__(self, key: str) -> Any:
        if not hasattr(self._config.option, key):
            raise KeyError(key)
        return getattr(self._config.option, key)


def decoded(value: Any) -> Any:
    """Plain values, with paths as paths again."""
    from pathlib import Path

    if isinstance(value, dict):
        if set(value) == {"__path__"}:
            return Path(value["__path__"])
        return {key: decoded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [decoded(inner) for inner in value]
    return value


if __name__ == "__main__":
    leave(main())
