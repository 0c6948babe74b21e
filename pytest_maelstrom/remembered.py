"""What tests want remembered, written down where the next run finds it.

Values go into pytest's own cache. Examples go into Hypothesis' database, one file each, named by its
content: so those of concurrent tests and runs never meet, and what a container says can be checked.
"""

import base64
import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case
from maelstrom_core.model.outcome import JobResult
from maelstrom_core.model.views import RunView
from pytest_maelstrom.hookimpls import messages_of
from pytest_maelstrom.output_plan import Refused, parts_of

MOST_BYTES = 1 << 20
"""Of all values (as JSON) and examples of one case."""
MOST_OF_A_CASE = 1000
"""Values, and examples."""
_PYTESTS_OWN = "cache"
"""Below it pytest keeps what it knows of all tests, and writes it itself at its end."""
_HASH = re.compile(r"[0-9a-f]{16}")
_IGNORED = (
    "# Made by the first test whose examples were kept, as Hypothesis would have made it.\n*\n"
)


class Remembered:
    """A plugin of ours that observes jobs."""

    def __init__(self, config: pytest.Config) -> None:
        self._cache: Any = getattr(config, "cache", None)
        home = os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY") or ".hypothesis"
        self._home = Path(config.invocation_params.dir, home)

    @hookimpl
    def maelstrom_job_ended(self, run: RunView, case: Case, result: JobResult) -> None:
        """Write down what a job wants remembered."""
        del run, case
        if b'"kind": "cached"' in result.report or b'"kind": "example"' in result.report:
            self.take(messages_of(result.report))

    def take(self, messages: Iterable[Mapping[str, Any]]) -> None:
        """Write down what is wanted remembered among all messages of a container."""
        # Of a key that was set again and again the last value is wanted.
        values: dict[str, Mapping[str, Any]] = {}
        examples = []
        for message in messages:
            if message["kind"] == "cached" and isinstance(message.get("key"), str):
                values[message["key"]] = message
            elif message["kind"] == "example":
                examples.append(message)
        left = MOST_BYTES
        for message in [*values.values(), *examples][:MOST_OF_A_CASE]:
            keep = self._keep_value if message["kind"] == "cached" else self._keep_example
            left -= len(json.dumps([message.get("value"), message.get("data")]))
            if left < 0:
                return
            # Nobody is told when pytest or Hypothesis cannot write here, either.
            with contextlib.suppress(Refused, ValueError, OSError):
                keep(message)

    def _keep_value(self, message: Mapping[str, Any]) -> None:
        parts = parts_of(message.get("key"))
        if self._cache is not None and parts[0] != _PYTESTS_OWN:
            self._cache.set("/".join(parts), message.get("value"))

    def _keep_example(self, message: Mapping[str, Any]) -> None:
        key, name, text = (message.get(field) for field in ("key", "name", "data"))
        if not all(isinstance(one, str) and _HASH.fullmatch(one) for one in (key, name)):
            return
        directory = self._home / "examples" / str(key)
        path = directory / str(name)
        if text is None:
            path.unlink(missing_ok=True)
            directory.rmdir()  # unless there are others
            return
        data = base64.b64decode(text, validate=True)
        if hashlib.sha384(data).hexdigest()[:16] != name:
            return
        if not self._home.exists():
            self._home.mkdir(parents=True, exist_ok=True)
            (self._home / ".gitignore").write_text(_IGNORED, encoding="utf-8")
        directory.mkdir(parents=True, exist_ok=True)
        beside = directory.parent / f".{key}-{name}-{os.getpid()}"
        beside.write_bytes(data)
        beside.replace(path)
