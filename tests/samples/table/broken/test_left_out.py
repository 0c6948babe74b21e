"""A module that is skipped."""

import pytest

pytest.skip("not on this machine", allow_module_level=True)
