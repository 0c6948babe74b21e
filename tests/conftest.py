"""What holds for the many runs of Python and pytest that tests start: they start quickly."""

import os

# Where a developer's environment forbids bytecode, each of them would compile all of ours again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Hypothesis's plugin imports Hypothesis at the end of any run, which takes longer than all of the
# rest of a small one. A test that is about other plugins takes this back.
os.environ["PYTEST_ADDOPTS"] = "-p no:hypothesispytest"
# pytest shows more where it believes itself to be run by a CI, and tests of ours read what it shows.
for variable in ("CI", "BUILD_NUMBER"):
    os.environ.pop(variable, None)
