"""What is done about options, of pytest and of other plugins, that mean something else in containers."""

from typing import Any

import pytest

_ELSEWHERE = "run the tests in question without -p maelstrom"
_UNSUITABLE: dict[str, tuple[str, str]] = {
    "--snapshot-update": (
        "update_snapshots",
        "would write into containers, which end with their tests",
    ),
    "--force-regen": ("force_regen", "would write into containers, which end with their tests"),
    "--regen-all": ("regen_all", "would write into containers, which end with their tests"),
    "--benchmark-only": ("benchmark_only", "measures nothing while other tests run beside"),
    "--benchmark-enable": ("benchmark_enable", "measures nothing while other tests run beside"),
    "--benchmark-autosave": ("benchmark_autosave", "measures nothing while other tests run beside"),
    "--benchmark-save": ("benchmark_save", "measures nothing while other tests run beside"),
    "--benchmark-json": ("benchmark_json", "measures nothing while other tests run beside"),
    "--benchmark-compare": ("benchmark_compare", "measures nothing while other tests run beside"),
}
"""Options by what they are called in the configuration, and why they are refused."""


def refuse_unsuitable(config: pytest.Config) -> None:
    """Refuse what does not reach into containers, instead of doing something else silently.

    :raises pytest.UsageError: with what to do
    """
    for option, (name, why) in _UNSUITABLE.items():
        if getattr(config.option, name, None):
            raise pytest.UsageError(f"maelstrom: {option} {why}: {_ELSEWHERE}")


def take_over(config: pytest.Config) -> list[str]:
    """Do ourselves, or leave, what other plugins would do; notes of that.

    Called before those plugins are configured.
    """
    notes = [_take_over_xdist(config.option), _leave_benchmarks(config.option)]
    return [f"maelstrom: {note}" for note in notes if note]


_GROUPS_OF_XDIST = {"loadscope": "module", "loadfile": "module", "loadgroup": "xdist_group"}
"""What its ways of distribution keep together. Those of a class are also of one module."""


def _take_over_xdist(option: Any) -> str:
    """What ``-n`` asks for, the distribution of tests; pytest-xdist finds nothing to distribute."""
    number = getattr(option, "numprocesses", None)
    if not getattr(option, "tx", None):
        return ""
    distribution = option.dist
    option.dist, option.tx, option.numprocesses = "no", [], None
    if number and option.maelstrom_slots is None:
        option.maelstrom_slots = str(number)
    if option.maelstrom_group is None:
        option.maelstrom_group = _GROUPS_OF_XDIST.get(distribution)
    return "-n is taken over; --maelstrom-slots means the same"


def _leave_benchmarks(option: Any) -> str:
    """Tests of pytest-benchmark run once, as its users know it from pytest-xdist."""
    if getattr(option, "benchmark_disable", True) or getattr(option, "benchmark_skip", False):
        return ""
    option.benchmark_disable = True
    return "benchmarks are run once and not measured"
