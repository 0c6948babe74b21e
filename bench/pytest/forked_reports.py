"""Let pytest-forked run under pytest 9.2: its children send reports as `marshal` writes them.

Reports of newer pytests have an attribute, ``_id``, that `marshal` refuses. They can be made from
their node id instead; all else is pytest-forked's own.
"""

from typing import Any

import pytest_forked

complete = pytest_forked.serialize_report


def without_id(report: Any) -> dict[str, Any]:
    """What pytest-forked sends, without what it cannot send."""
    attributes: dict[str, Any] = complete(report)
    attributes.pop("_id", None)
    attributes["nodeid"] = report.nodeid
    return attributes


pytest_forked.serialize_report = without_id
