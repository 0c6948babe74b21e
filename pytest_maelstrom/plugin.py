"""The entry point for pytest: sleeps unless asked for with ``-p maelstrom``.

It is imported in every pytest run of an environment that has it installed, so it imports nothing
but what pytest has imported already; the rest comes when it is asked for.
"""

import itertools
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

NAME = "maelstrom"
MARKER = (
    "maelstrom(isolation, group, turns, slots): under -p maelstrom, isolation='fresh' runs the test in "
    "an interpreter of its own instead of a fork of a warm one; group='name' runs it in one container "
    "with others of that group; turns='name' while no other, or few, of that name run; slots=2 takes "
    "two slots"
)


def pytest_addoption(parser: "pytest.Parser") -> None:
    """Declare the options; they are listed by ``--help`` and do nothing by themselves."""
    if _is_named_in(sys.argv):
        from pytest_maelstrom.beginning import start_slots

        start_slots()
    group = parser.getgroup(NAME, "maelstrom: every test in its own container (-p maelstrom)")

    def add(name: str, metavar: str, text: str) -> None:
        group.addoption(
            f"--maelstrom-{name}",
            dest=f"maelstrom_{name.replace('-', '_')}",
            metavar=metavar,
            default=None,
            help=text,
        )

    add("slots", "N", "how many tests run at once (default: the CPUs that this process may use)")
    add("timeout", "SECONDS", "seconds after which a test is ended (default: never)")
    add("root-size", "SIZE", "how much a test may write, such as 64MiB (default: 1GiB)")
    add("network", "KIND", "loopback (default), disabled, or local: the host's own")
    add("isolation", "KIND", "template (default): forks of a warm interpreter; or fresh ones")
    add("preload", "WHICH", "learned (default): what tests have imported is imported once; or off")
    text = "off (default); or code: tests count no references to it (Python 3.12 on)"
    add("immortal", "WHAT", text)
    add("group", "KIND", "tests that share a container: none (default), module, class, xdist_group")
    text = "what of the project tests get no copy of, such as data,**/*.mp4 (default: nothing)"
    add("leave-out", "PATTERNS", text)
    add("store", "DIRECTORY", "where layers are kept (default: in the user's cache directory)")
    text = "run tests on a cluster: a join string, a file with one, HOST:PORT, or auto"
    add("broker", "BROKER", text)
    text = "true: nothing runs on this machine that the cluster can run (default: false)"
    add("cluster-only", "BOOLEAN", text)
    add("repeat", "N", "run each test N times, each reported by itself (default: 1)")
    add("retries", "N", "run a failed test up to N times more; flaky if it passes (default: 0)")
    add("stop-after", "N", "end the run after N failures, retries included (default: never)")
    add("slow-after", "SECONDS", "when a running test is told of as slow; 0: never (default: 60)")
    text = "a test that leaves processes running: mark (default), fail, or ignore"
    add("leaky", "WHAT", text)
    add("output", "DIRECTORY", "where files go that tests leave in $MAELSTROM_OUTPUT")
    add("output-size", "SIZE", "how much a test may leave there (default: 16MiB)")
    add("config-file", "PATH", "read settings from this file alone; - for none")
    group.addoption(
        "--maelstrom-fail-on-flaky",
        dest="maelstrom_fail_on_flaky",
        action="store_true",
        default=None,  # not given: other sources decide
        help="count a test that passes only when run again as a failure",
    )
    group.addoption(
        "--maelstrom-shell",
        dest="maelstrom_shell",
        metavar="NODEID",
        default=None,
        help="open a shell in the container of this test, and run none",
    )
    group.addoption(
        "--maelstrom-keep",
        dest="maelstrom_keep",
        action="store_true",
        default=False,
        help="keep the containers of failed tests until the end, and offer shells in them",
    )
    add(
        "shard", "I/N", "run one of several parts of the tests, such as 2/5; they last equally long"
    )
    add("events", "FILE", "write all events to a file, as JSON, one a line")
    group.addoption(
        "--maelstrom-ui",
        dest="maelstrom_ui",
        choices=("auto", "live", "lines", "quiet", "json"),
        default="auto",
        help="auto: pytest's own terminal; or a look that all runners of Maelstrom share",
    )
    group.addoption(
        "--maelstrom-list",
        dest="maelstrom_list",
        metavar="FORMAT",
        choices=("text", "json"),
        default=None,
        help="list the tests that would run as text or json, and run none",
    )
    for name, text in (
        ("include", "run what fits this filter; may be given several times (default: all)"),
        ("exclude", "and not what fits this one; may be given several times"),
    ):
        group.addoption(
            f"--maelstrom-{name}",
            dest=f"maelstrom_{name}",
            metavar="FILTER",
            action="append",
            default=[],
            help=text,
        )
    for name, text in (
        ("watch", "stay, and run again when files change: first what these may affect"),
        ("rerun-failed", "run only what failed when it was run last"),
        ("until-fail", "run everything again and again, until something fails"),
        ("explain", "show the container that tests would run in, and run none"),
        ("print-config", "show every setting and where its value comes from, and run none"),
        ("init", "write a maelstrom-pytest.toml to start from, and run none"),
    ):
        group.addoption(
            f"--maelstrom-{name}",
            dest=f"maelstrom_{name.replace('-', '_')}",
            action="store_true",
            default=False,
            help=text,
        )


def _is_named_in(command: list[str]) -> bool:
    """Whether a command says ``-p maelstrom``, before pytest has read it; not in our containers.

    Whatever comes of it is known later: this only tells whether it is worth while to be early.
    """
    if "pytest_maelstrom.inside" in sys.modules:
        return False
    return f"-p{NAME}" in command or ("-p", NAME) in itertools.pairwise(command)


def is_asked_for(config: "pytest.Config") -> bool:
    """Whether this run is ours: ``-p maelstrom``, as an argument or in ``addopts``."""
    return NAME in config.known_args_namespace.plugins and not hasattr(config, "workerinput")


def pytest_cmdline_main(config: "pytest.Config") -> int | None:
    """Answer what is asked instead of a run: here, for pytest configures only within a session.

    Settings and container are shown with or without ``-p maelstrom``: either way no test is run, as
    the options promise.
    """
    option = config.option
    if option.maelstrom_print_config:
        from pytest_maelstrom.questions import print_config

        print_config(config)
        return 0
    if option.maelstrom_explain:
        from pytest_maelstrom.questions import print_explanation

        print_explanation(config)
        return 0
    if not is_asked_for(config):
        return None
    if option.maelstrom_init:
        from pytest_maelstrom.starter import write_starter

        return write_starter(config)
    if option.maelstrom_list:
        from pytest_maelstrom.listing import begin

        begin(config)
    elif not option.collectonly:
        if option.maelstrom_watch or option.maelstrom_until_fail:
            from pytest_maelstrom.rounds import is_one_of_several, run_rounds

            if not is_one_of_several():
                return run_rounds(config)
        if option.maelstrom_ui != "auto":
            from pytest_maelstrom.looks import silence

            silence(config)
    return None


def leave_as_written(config: "pytest.Config") -> None:
    """Keep pytest from rewriting our modules as if they held tests.

    It does so with all modules of a distribution that has a plugin, at every start where it cannot
    keep what it has made, and that is most of what a run of one test would take.
    """
    marked = getattr(config.pluginmanager.rewrite_hook, "_must_rewrite", None)
    if isinstance(marked, set):
        marked -= {"maelstrom_core", "pytest_maelstrom"}


def pytest_configure(config: "pytest.Config") -> None:
    """Take the run over, if asked to."""
    config.addinivalue_line("markers", MARKER)
    if is_asked_for(config):
        leave_as_written(config)
        from pytest_maelstrom.beginning import begin

        config.pluginmanager.register(begin(config), "maelstrom-controller")
