"""A runner's program: the options, looks and reports that all runners share.

A runner says in a `RunnerProgram` what is its own; `run_program` does the rest.
"""

from maelstrom_core.program.declared import Prepared, RunnerProgram
from maelstrom_core.program.look import Look
from maelstrom_core.program.main import run_program

__all__ = ["Look", "Prepared", "RunnerProgram", "run_program"]
