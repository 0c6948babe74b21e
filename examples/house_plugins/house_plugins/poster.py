"""Observes, and posts what came of a run to a web address, as JSON."""

import json
import urllib.request
from collections import Counter
from typing import Any

from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.views import RunView, Summary
from maelstrom_core.settings import Field
from maelstrom_core.settings.schema import text

PATIENCE_SECONDS = 10


@hookimpl
def maelstrom_options(settings: Any) -> None:
    """Where to; nowhere by default."""
    settings.add(Field(name="post-to", read=text, default="", help="where results are posted"))


@hookimpl
def maelstrom_run_ended(run: RunView, summary: Summary) -> None:
    """Called once, whatever happened. What is raised here is told, and costs nobody a result."""
    address = run.options["settings"].post_to
    if not address:
        return
    body = {
        "runner": run.runner,
        "counts": Counter(report.status.value for report in summary.reports),
        "failed": [report.id for report in summary.reports if report.status.is_failure],
    }
    request = urllib.request.Request(
        address, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()
