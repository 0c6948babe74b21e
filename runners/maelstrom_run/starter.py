"""``--init``: a file of jobs to start from."""

from pathlib import Path

from maelstrom_core.settings.new_file import write_new

FILE = "maelstrom-run.toml"
STARTER = """\
# Jobs: each runs one program in a container of its own. Run them:  maelstrom-run -f maelstrom-run.toml
# The first one alone, as a shell in its container:  maelstrom-run -f maelstrom-run.toml --one -- sh
# Lines that begin with "#:" are examples: take the "#:" away to use them.
# All of it is explained in docs/guide/run.md of pytest-maelstrom.

# A job that says nothing of its container has this machine's programs and an empty /tmp.
[[jobs]]
program = "echo"
arguments = ["hello"]

# What there may be besides.
#: [[jobs]]
#: label = "a name for people"
#: program = "sh"
#: arguments = ["-c", "sort > sorted.txt"]
#: stdin = "b\\na\\n"                      # or: stdin = { file = "input.txt" }
#: outputs = ["*.txt"]                     # brought back into maelstrom-output/
#: timeout = "2m"
#: priority = 1                            # higher ones first, among those that wait
#: expected_duration = 10                  # then longer ones first
#: slots = 2

# Files of this directory, variables of your shell, more room.
#: [[jobs]]
#: program = "/src/check.sh"
#: added_layers = [{ glob = "**.sh", prepend_prefix = "/src" }]
#: added_environment = { LANG = "$env{LANG:-C.UTF-8}", PATH = "/src:$prev{PATH}" }
#: root_size = "4GiB"

# A container with a name. One without a parent has what it says and nothing else.
#: [containers.bare]
#: layers = [
#:     { paths = ["busybox"] },
#:     { symlinks = [{ link = "/sh", target = "/busybox" }] },
#: ]
#: network = "loopback"
#: mounts = [
#:     { type = "proc", mount_point = "/proc" },
#:     { type = "tmp", mount_point = "/tmp", size = "64MiB" },
#:     { type = "bind", mount_point = "/data", local_path = "data", read_only = true },
#: ]

#: [[jobs]]
#: parent = "bare"
#: program = "/sh"
#: arguments = ["-c", "echo $0"]
"""


def write_starter(path: Path) -> int:
    """Write it; the exit status.

    :raises maelstrom_core.errors.UsageError: if there is such a file already
    """
    write_new(path, STARTER)
    print(f"{path} was written")
    return 0
