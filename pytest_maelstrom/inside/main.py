"""Started in a container as ``python main.py``; does what standard input says.

That is to collect, or to run one case, or to be a template: to collect, and then to be forked for
each case.

The configuration is made as pytest-xdist makes that of its workers, with which the ecosystem's
plugins live well: from the controlling process's options, with a ``workerinput`` that tells them
that they are not in the controlling process.
"""

import os
import sys
from typing import Any, Dict


def main() -> int:
    """Do what standard input says; zero if that could be told."""
    # This file is shown to any interpreter of any container; what it needs lies beside it.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[0] = os.path.dirname(os.path.dirname(here))
    from pytest_maelstrom.inside.wire import Sender, out_of_the_way, read_request

    sender, request = Sender(), read_request()
    from pytest_maelstrom.inside import live, output, plugins, stacks

    server: Any = None
    if request["kind"] == "template":
        from pytest_maelstrom.inside.forking import ForkServer

        server = ForkServer(out_of_the_way())
    else:
        stacks.tell_when_asked(sender)

    live.write_by_lines()
    own_path = sys.path[1:] if request["own_path"] else []
    sys.path[:] = [*request["sys_path"], *own_path]
    sys.argv[:] = request["argv"]
    import pytest

    try:
        config = make_config(request)
        if request["kind"] == "collect":
            inside: Any = plugins.Collecting(config, sender)
        elif server is not None:
            from pytest_maelstrom.inside.preload import Preload
            from pytest_maelstrom.inside.template import Template

            preload = Preload(out_of_the_way()) if request["preload"] else None
            inside = Template(config, sender, server, preload)
        else:
            left_in = output.prepare()
            inside = plugins.OneCase(
                config, sender, request["case"], request["occurrence"], request["submodules"]
            )
        config.pluginmanager.register(inside, "maelstrom-inside")
        config.pluginmanager.register(live.LiveLogs(), "maelstrom-live-logs")
        status = int(config.hook.pytest_cmdline_main(config=config))
    except pytest.UsageError as error:
        sender.send("usage error", text="\n".join(str(line) for line in error.args))
        status = int(pytest.ExitCode.USAGE_ERROR)
    else:
        config._ensure_unconfigure()
        sender = inside.sender  # a fork has one of its own
        if request["kind"] == "run":
            output.send_back(sender, left_in, request["output_bytes"])
        elif server is not None:
            inside.ended()
    sender.send("end", status=status)
    return 0


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
    config.workerinput = {  # type: ignore[attr-defined]
        "workerid": request["worker_id"],
        "workercount": 1,
        "testrunuid": request["run_id"],
        "mainargv": request["argv"],
    }
    config.workeroutput = {}  # type: ignore[attr-defined]
    return config


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
