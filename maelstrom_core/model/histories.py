"""What is known of a case to others than whoever ran it, and the names under which it is. Pure.

Names are digests: who keeps them learns of no test, and who knows a project's name and its tests can
make them. A case's is made of its project's too: so nobody sees that two projects have the same.
"""

from collections.abc import Iterable
from typing import NamedTuple

from maelstrom_core.model.digest import Digest
from maelstrom_core.model.ids import CaseId

_CASE_BYTES = 16
"""Of a digest: enough for as many cases as there will be."""


class KnownCase(NamedTuple):
    """How a case went, for others.

    :param key: see `case_key`
    :param milliseconds: how long it took
    :param failed: whether it failed when it was run last
    """

    key: bytes
    milliseconds: int
    failed: bool


def project_key(runner: str, name: str) -> bytes:
    """32 bytes that stand for the cases of a runner in a project.

    :param name: the same on all machines
    """
    return _digest("maelstrom history", runner, name)


def case_key(project: bytes, case: CaseId) -> bytes:
    """16 bytes that stand for a case of a project.

    :param project: see `project_key`
    """
    return _digest(project.hex(), case)[:_CASE_BYTES]


def plan_key(cases: Iterable[CaseId], parts: int) -> bytes:
    """32 bytes that are the same for all who divide these cases into so many parts."""
    return _digest(str(parts), *sorted(cases))


def _digest(*texts: str) -> bytes:
    # Lengths before texts: no two lists come to the same.
    data = [text.encode("utf-8", "surrogatepass") for text in texts]
    return bytes.fromhex(Digest.of(b"".join(b"%d:%s" % (len(one), one) for one in data)).hex)
