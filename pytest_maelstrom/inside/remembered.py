"""Examples in Hypothesis' database, sent to the controlling process at a case's end.

The files are looked at, for there is no other way that all versions of Hypothesis have.
"""

import base64
import os
import sys
from typing import Any, Dict, Iterator, List, Set, Tuple

from pytest_maelstrom.inside.wire import Sender

_MOST_BYTES = 700_000
"""Of all examples of one case; no more is believed, encoded in 4 bytes for 3."""


class Remembered:
    """One for a template and its forks, or for a case that starts afresh."""

    def __init__(self) -> None:
        home = os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY") or ".hypothesis"
        self._examples = os.path.join(os.path.abspath(home), "examples")
        self._known: Dict[str, Tuple[int, Set[str]]] = {}
        self.begin_again()

    def begin_again(self) -> None:
        """Take what is there by now as what the next case finds."""
        self._known = {key: (when, set(self._names(key))) for key, when in self._keys()}

    def send(self, sender: Sender, item: Any) -> None:
        """Send which examples a case has added, and taken away.

        :param item: the case, or nothing if it was not run
        """
        test = getattr(item, "obj", None)
        if "hypothesis" in sys.modules and getattr(test, "is_hypothesis_test", False):
            self._send_examples(sender)

    def _send_examples(self, sender: Sender) -> None:
        left = _MOST_BYTES
        now: Set[str] = set()
        for key, when in self._keys():
            now.add(key)
            before = self._known.get(key, (0, set()))
            if before[0] == when:
                continue  # nothing was added to this directory, nor removed from it
            names = set(self._names(key))
            self._tell_gone(sender, key, before[1] - names)
            for name in sorted(names - before[1]):
                try:
                    with open(os.path.join(self._examples, key, name), "rb") as file:
                        data = file.read(left + 1)
                except OSError:
                    continue
                left -= len(data)
                if left < 0:
                    return
                text = base64.b64encode(data).decode("ascii")
                sender.send("example", key=key, name=name, data=text)
        for key in self._known:
            if key not in now:
                self._tell_gone(sender, key, self._known[key][1])

    @staticmethod
    def _tell_gone(sender: Sender, key: str, names: Set[str]) -> None:
        for name in sorted(names):
            sender.send("example", key=key, name=name, data=None)

    def _keys(self) -> Iterator[Tuple[str, int]]:
        """Directories of the database, one for each test or two, and when each was changed."""
        try:
            with os.scandir(self._examples) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        yield entry.name, entry.stat(follow_symlinks=False).st_mtime_ns
        except OSError:
            return

    def _names(self, key: str) -> List[str]:
        try:
            return os.listdir(os.path.join(self._examples, key))
        except OSError:
            return []
