"""A file of containers and directives to start from."""

import sys
from pathlib import Path

from maelstrom_core.errors import UsageError
from maelstrom_core.program.declared import RunnerProgram

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

    :raises UsageError: if there is one already, or it cannot be written
    """
    path = Path(program.file)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_TEXT.format(program=program.program))
    except FileExistsError:
        raise UsageError(f"{path} is there already", remedy="it was left as it is") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    print(f"{path} is there now; all of it is commented out", file=sys.stderr)
    return 0
