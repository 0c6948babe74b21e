"""What a runner's program exits with: one documented code for each ending. Pure."""

from maelstrom_core.model.views import Summary

ALL_WELL = 0
FAILURES = 1
"""A test failed, or something of the run that belongs to no test (a package that cannot be built)."""
NO_CASES = 5
"""No test was found or chosen, as pytest has it."""
INTERRUPTED = 130
"""Ctrl-C, or SIGTERM: what had ended was told of."""


def exit_code(summary: Summary, *, faults: int, ignored: int, interrupted: bool) -> int:
    """How a run ends that began.

    :param faults: of the run itself, that belong to no case
    :param ignored: cases that were found and chosen, and that directives say not to run
    """
    if interrupted:
        return INTERRUPTED
    if summary.failures or faults or summary.errors:
        return FAILURES
    if not summary.reports and not summary.not_run and not ignored:
        return NO_CASES
    return ALL_WELL
