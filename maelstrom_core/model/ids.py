"""Names of things, as types of their own. Pure."""

from typing import NewType

JobId = NewType("JobId", int)
"""One job of one engine or client; never used twice by the same party."""

CaseId = NewType("CaseId", str)
"""One test, in the words of its framework: a pytest node id, ``package.TestName``, …"""
