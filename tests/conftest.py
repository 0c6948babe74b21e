"""What holds for all tests: a slow machine is no fault of theirs, and what they start starts quickly."""

import os

from hypothesis import HealthCheck, settings

# Where a developer's environment forbids bytecode, each of them would compile all of ours again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Hypothesis's plugin imports Hypothesis at the end of any run, which takes longer than all of the
# rest of a small one. A test that is about other plugins takes this back.
os.environ["PYTEST_ADDOPTS"] = "-p no:hypothesispytest"
# pytest shows more where it believes itself to be run by a CI, and tests of ours read what it shows.
for variable in ("CI", "BUILD_NUMBER"):
    os.environ.pop(variable, None)

settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
