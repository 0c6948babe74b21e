"""What was found out about a host, for people. Pure."""

from collections.abc import Sequence

from maelstrom_core.container.probe import Finding
from maelstrom_core.errors import HostError


def render(findings: Sequence[Finding]) -> list[str]:
    """One line for each finding, and its remedy below it; last what it comes to.

    One cause can be behind many findings: it is told once, and so is its remedy.
    """
    lines = []
    told: set[str] = set()
    for finding in findings:
        word = "ok" if finding.ok else "MISSING" if finding.essential else "degraded"
        detail = "for the same reason" if finding.detail in told else finding.detail
        lines.append(f"{word:9} {finding.name}{': ' if detail else ''}{detail}")
        if finding.remedy and finding.remedy not in told:
            lines.append(f"{'':9}   → {finding.remedy}")
        told |= {finding.detail, finding.remedy} - {""}
    missing = [finding for finding in findings if finding.essential and not finding.ok]
    degraded = [finding for finding in findings if not finding.essential and not finding.ok]
    if missing:
        lines.append("Containers are impossible on this host as it is; see the arrows.")
    elif degraded:
        lines.append("Containers work on this host, with less where it says degraded.")
    else:
        lines.append("Containers work on this host.")
    return lines


def exit_code(findings: Sequence[Finding]) -> int:
    """0 if containers work, that of a `HostError` otherwise."""
    works = all(finding.ok for finding in findings if finding.essential)
    return 0 if works else HostError.exit_code
