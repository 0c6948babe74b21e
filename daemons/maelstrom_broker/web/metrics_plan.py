"""Metrics in the text format of Prometheus, made of the broker's status. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from maelstrom_broker.status import ENDINGS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_WORKERS = 200
"""That have series of their own: each costs whoever gathers them."""
_UNFIT = "\N{REPLACEMENT CHARACTER}"

Series = Iterable[tuple[Mapping[str, object], float]]


@attrs.frozen
class Metric:
    """One metric.

    :param kind: ``gauge`` or ``counter``
    :param labels: that its series have
    :param help: what it counts
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


_METRICS = (
    Metric(
        "maelstrom_broker_info", "gauge", ("boot", "version"), "always 1; this life of the broker"
    ),
    Metric("maelstrom_broker_start_time_seconds", "gauge", (), "when it was started, in Unix time"),
    Metric("maelstrom_workers", "gauge", ("state",), "workers: ready, draining, or away"),
    Metric("maelstrom_workers_not_listed", "gauge", (), "workers without series of their own"),
    Metric("maelstrom_slots", "gauge", (), "slots of all workers"),
    Metric("maelstrom_slots_used", "gauge", (), "slots that are taken"),
    Metric("maelstrom_worker_slots", "gauge", ("worker", "session"), "slots of a worker"),
    Metric("maelstrom_worker_slots_used", "gauge", ("worker", "session"), "slots taken there"),
    Metric("maelstrom_clients", "gauge", (), "clients, also those whose connection is broken"),
    Metric("maelstrom_jobs_queued", "gauge", (), "jobs that wait"),
    Metric("maelstrom_jobs_running", "gauge", (), "jobs that run, or are on their way"),
    Metric("maelstrom_jobs_orphaned", "gauge", (), "jobs of workers that nobody has asked for yet"),
    Metric("maelstrom_jobs_accepted_total", "counter", (), "jobs that were handed in"),
    Metric(
        "maelstrom_jobs_ended_total", "counter", ("ending",), "jobs that ended, by their ending"
    ),
    Metric("maelstrom_jobs_failed_total", "counter", (), "of these, jobs that failed, however"),
    Metric("maelstrom_attempts_total", "counter", (), "times that a job was given to a worker"),
    Metric("maelstrom_links_refused_total", "counter", (), "links ended for what came by them"),
    Metric("maelstrom_containers", "gauge", (), "containers that clients have described"),
    Metric("maelstrom_blobs", "gauge", (), "blobs and unfinished uploads on disk"),
    Metric("maelstrom_blobs_bytes", "gauge", (), "disk that they take"),
    Metric("maelstrom_blobs_received_bytes_total", "counter", (), "came by bulk links"),
    Metric("maelstrom_blobs_sent_bytes_total", "counter", (), "went by bulk links"),
    Metric("maelstrom_blobs_requests_total", "counter", (), "requests on bulk links"),
    Metric("maelstrom_blobs_requests_refused_total", "counter", (), "of these, refused"),
)
METRICS = {metric.name: metric for metric in _METRICS}
"""Every metric there is, by its name."""


@attrs.frozen
class BlobFacts:
    """What the broker knows of its blobs; bytes and counts."""

    count: int = 0
    bytes: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0
    requests: int = 0
    refused: int = 0


def metrics(status: Mapping[str, Any], blobs: BlobFacts, *, version: str, wall: float) -> str:
    """All metrics.

    :param status: as `maelstrom_broker.status` tells it
    :param wall: now, in Unix time
    """
    found = _series(status, blobs, version, wall)
    lines = []
    for name, metric in METRICS.items():
        lines += [f"# HELP {name} {metric.help}", f"# TYPE {name} {metric.kind}"]
        for labels, value in found[name]:
            assert tuple(labels) == metric.labels, f"{name} has other labels"
            lines.append(f"{name}{_labelled(labels)} {_value(value)}")
    return "\n".join([*lines, ""])


def _series(
    status: Mapping[str, Any], blobs: BlobFacts, version: str, wall: float
) -> dict[str, Series]:
    totals, workers = status["totals"], status["workers"]
    listed = workers[:MOST_WORKERS]
    states = dict.fromkeys(("ready", "draining", "away"), 0)
    for worker in workers:
        states[_state(worker)] += 1

    def one(value: float) -> Series:
        return [({}, value)]

    def of_workers(key: str) -> Series:
        return [
            ({"worker": worker["name"], "session": worker["session"]}, worker[key])
            for worker in listed
        ]

    return {
        "maelstrom_broker_info": [({"boot": status["boot"], "version": version}, 1)],
        "maelstrom_broker_start_time_seconds": one(round(wall - status["uptime_seconds"], 1)),
        "maelstrom_workers": [({"state": state}, count) for state, count in states.items()],
        "maelstrom_workers_not_listed": one(totals["workers"] - len(listed)),
        "maelstrom_slots": one(totals["slots"]),
        "maelstrom_slots_used": one(totals["used"]),
        "maelstrom_worker_slots": of_workers("slots"),
        "maelstrom_worker_slots_used": of_workers("used"),
        "maelstrom_clients": one(totals["clients"]),
        "maelstrom_jobs_queued": one(totals["queued"]),
        "maelstrom_jobs_running": one(totals["running"]),
        "maelstrom_jobs_orphaned": one(totals["orphans"]),
        "maelstrom_jobs_accepted_total": one(totals["accepted"]),
        "maelstrom_jobs_ended_total": [({"ending": name}, totals[name]) for name in ENDINGS],
        "maelstrom_jobs_failed_total": one(totals["failed"]),
        "maelstrom_attempts_total": one(totals["given"]),
        "maelstrom_links_refused_total": one(totals["links_ended"]),
        "maelstrom_containers": one(totals["containers"]),
        "maelstrom_blobs": one(blobs.count),
        "maelstrom_blobs_bytes": one(blobs.bytes),
        "maelstrom_blobs_received_bytes_total": one(blobs.received_bytes),
        "maelstrom_blobs_sent_bytes_total": one(blobs.sent_bytes),
        "maelstrom_blobs_requests_total": one(blobs.requests),
        "maelstrom_blobs_requests_refused_total": one(blobs.refused),
    }


def _state(worker: Mapping[str, Any]) -> str:
    if not worker["connected"]:
        return "away"
    return "draining" if worker["draining"] else "ready"


def _labelled(labels: Mapping[str, object]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items()) + "}"


def _quoted(value: object) -> str:
    fit = "".join(one if one.isprintable() else _UNFIT for one in str(value)[:255])
    return fit.replace("\\", "\\\\").replace('"', '\\"')


def _value(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
