"""What command lines say of the environment you have, for runners whose tests are programs.

Apart from `maelstrom_core.program.here`, which takes longer to be imported than options to be read.
"""

import argparse

from maelstrom_core.settings.schema import LEAVE_OUT, NETWORK, ROOT_SIZE

HERE_FIELDS = (ROOT_SIZE, NETWORK, LEAVE_OUT)
"""Settings that `maelstrom_core.program.here.container_here` looks at."""


def add_here_options(parser: argparse._ActionsContainer) -> None:
    """Add an option for each of `HERE_FIELDS`."""
    for field in HERE_FIELDS:
        metavar = "PATTERNS" if field is LEAVE_OUT else field.name.rpartition("-")[2].upper()
        parser.add_argument(f"--{field.name}", metavar=metavar, help=field.help)
