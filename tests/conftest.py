"""What holds for all tests: a slow machine is no fault of theirs, and what they start starts quickly."""

import os
from importlib.metadata import entry_points

from hypothesis import HealthCheck, settings

# Where a developer's environment forbids bytecode, each of them would compile all of ours again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Other plugins change what runs of pytest say, and take time: Hypothesis's imports Hypothesis at the
# end of any run, which is longer than all of the rest of a small one. Tests that are about other
# plugins take this back.
_OURS = ("maelstrom", "xdist", "xdist.looponfail")
os.environ["PYTEST_ADDOPTS"] = " ".join(
    f"-p no:{name}"
    for name in sorted({one.name for one in entry_points(group="pytest11")}.difference(_OURS))
)
# pytest shows more where it believes itself to be run by a CI, and tests of ours read what it shows.
for variable in ("CI", "BUILD_NUMBER"):
    os.environ.pop(variable, None)

settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
