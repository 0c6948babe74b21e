"""``--maelstrom-init``: a file of directives to start from, all of it commented out."""

import pytest

from maelstrom_core.settings.new_file import write_new
from pytest_maelstrom.ending import as_usage_errors
from pytest_maelstrom.environment import project_directory
from pytest_maelstrom.names import FILE

STARTER = """\
# In which containers tests run, and how. Without any of this, every test runs in the environment
# that you have. Lines that begin with "#:" are examples: take the "#:" away to use them.
# All of it is explained in docs/guide/directives.md of pytest-maelstrom.

# Directives are taken in this order; each holds for the tests that fit its filter, for all without
# one. Filters: docs/guide/filters.md. `maelstrom-pytest --list --include 'FILTER'` tries them out.

# A test that takes longer than this has failed.
#: [[directives]]
#: timeout = "2m"

# Tests marked with @pytest.mark.net may use the network of this machine.
#: [[directives]]
#: filter = "markers.contains(net)"
#: network = "local"
#: timeout = "10m"

# Variables: those of your shell by $env{NAME}, those of the container so far by $prev{NAME}.
#: [[directives]]
#: filter = "file.globs(tests/integration/**)"
#: added_environment = { DATABASE = "sqlite://", LANG = "$env{LANG:-C.UTF-8}" }

# Files that are not in the project, and more room to write.
#: [[directives]]
#: filter = "name.contains(large)"
#: root_size = "4GiB"
#: added_mounts = [
#:     { type = "tmp", mount_point = "/scratch", size = "1GiB" },
#:     { type = "bind", mount_point = "/etc/hostname", local_path = "/etc/hostname", read_only = true },
#: ]

# Tests that share a container, since what they need is dear to set up.
#: [[directives]]
#: filter = "file.globs(tests/database/**)"
#: group_by = "module"

# Tests that are not run here; they are shown as skipped.
#: [[directives]]
#: filter = "markers.contains(needs_gpu)"
#: ignore = true

# A container with a name. What it does not say it has from its parent; "default" is the environment
# that you have.
#: [containers.bare]
#: parent = "default"
#: environment = [{ vars = { PATH = "$env{PATH}", HOME = "/tmp" }, extend = false }]
#: user = 1000
#: group = 1000

# A container of an image, with its own Python and pytest; docs/guide/images.md. What the tag stands for
# is kept in maelstrom-images.lock: put that under version control, and update it on purpose
# (`maelstrom image update`). An image runs with what your tests may do: name those that you trust.
#: [containers.other]
#: image = "docker://registry.example/team/python-and-pytest:3.13"
#: added_environment = { LANG = "$env{LANG:-C.UTF-8}" }

# A directive that names a parent begins anew with that container.
#: [[directives]]
#: filter = "markers.contains(bare)"
#: parent = "bare"
"""


def write_starter(config: pytest.Config) -> int:
    """Write it into the project directory; the exit status.

    :raises pytest.UsageError: if there is such a file already
    """
    with as_usage_errors():
        path = project_directory(config) / FILE
        write_new(path, STARTER)
    print(f"{path} was written")
    return 0
