"""From a command line to an exit status."""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module

from maelstrom_core.container.slot_process import start_early
from maelstrom_core.errors import MaelstromError
from maelstrom_core.hooks.manager import Plugins, other_runners
from maelstrom_core.kept_code import kept_code
from maelstrom_core.program.declared import RunnerProgram
from maelstrom_core.program.exit_codes import INTERRUPTED
from maelstrom_core.program.options import PASSED_ON, parser_of
from maelstrom_core.program.starter import write_starter
from maelstrom_core.settings import COMMON, Schema, Settings, load
from maelstrom_core.settings.command_line import given
from maelstrom_core.settings.host import state_directory, store_directory, usable_cpus


def run_program(program: RunnerProgram, arguments: Sequence[str] | None = None) -> int:
    """Run a runner's program.

    :param arguments: of the command line; those of this process by default
    :return: its exit status, one of `maelstrom_core.program.exit_codes` or of an error's own
    """
    chosen = parser_of(program).parse_args(arguments)
    try:
        status = _answer(program, chosen)
        sys.stdout.flush()
    except MaelstromError as error:
        print(f"{program.program}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has had enough (`--list | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _answer(program: RunnerProgram, chosen: argparse.Namespace) -> int:
    if chosen.init:
        return write_starter(program)
    plugins = Plugins(block=other_runners(program.runner))
    settings = _settings(program, chosen, plugins)
    if chosen.print_config:
        print(settings.described())
        return 0
    program.begin(chosen, settings)
    if settings.interpreter == "auto":
        # They start on another CPU while the rest of us is imported, which takes as long.
        with suppress(OSError):  # told when they are needed
            start_early(settings.slots)
    with kept_code(program.program):
        # Nothing of trio is needed for what only asks.
        import trio

        from maelstrom_core.program.session import Session

        for module in program.modules:
            import_module(module)
        gc.freeze()  # what was imported stays
    # Cases leave hardly any cycles behind: to look for some after every few is wasted.
    gc.set_threshold(10_000)
    return trio.run(
        partial(Session(program, chosen, settings, plugins).run),
        restrict_keyboard_interrupt_to_checkpoints=True,
    )


def _settings(program: RunnerProgram, chosen: argparse.Namespace, plugins: Plugins) -> Settings:
    fields = COMMON(slots=usable_cpus(), store=store_directory(), state=state_directory())
    schema = Schema(program.program, program.prefix, (*fields, *program.fields))
    plugins.options(schema)
    names = [*PASSED_ON, "fail-on-flaky", *(field.name for field in program.fields)]
    return load(
        schema,
        given(chosen, names),
        environment=os.environ,
        config_file=chosen.config_file,
    )
