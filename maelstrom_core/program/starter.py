"""A file of containers and directives to start from."""

from pathlib import Path

from maelstrom_core.program.declared import RunnerProgram
from maelstrom_core.settings.new_file import write_new

_TEXT = """\
# Containers and directives of {program}: which tests run in which containers, and how.
# All keys: docs/guide/directives.md. Without this file, tests run in the environment you have.

# [containers.with-tools]
# parent = "default"
# added_layers = [{{ glob = "tools/**" }}]
# added_environment = {{ LEVEL = "$env{{LEVEL:-1}}" }}

# Directives are taken in this order; what a later one says goes before what an earlier one says.

# [[directives]]
# filter = "name.contains(Slow)"
# timeout = "2m"

# [[directives]]
# filter = "package.ends_with(/network)"
# network = "local"

# [[directives]]
# filter = "name.equals(TestOnlyAtHome)"
# ignore = true
"""


def write_starter(program: RunnerProgram) -> int:
    """Write it into this directory; the exit status.

    :raises maelstrom_core.errors.UsageError: if there is one already, or it cannot be written
    """
    path = Path(program.file)
    write_new(path, _TEXT.format(program=program.program))
    print(f"{path} was written; all of it is commented out")
    return 0
