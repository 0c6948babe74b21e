"""What is to be sent, gathered until the end of a step. Pure; a part of the broker's machine.

So a worker hears of many jobs, and a client of many results, in one message.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from maelstrom_broker.effects import Effect, Forget, Note, Send
from maelstrom_broker.limits import (
    MESSAGE_BYTES,
    MOST_TOLD,
    MOST_TOLD_BYTES,
    RESULTS_BYTES_ON_THEIR_WAY,
    RESULTS_ON_THEIR_WAY,
)
from maelstrom_broker.records import Client, Container, Job, Worker
from maelstrom_core.wire.messages import (
    MOST_TAGS,
    Bye,
    Cancel,
    ContainerBytes,
    GiveBack,
    Message,
    Results,
    Run,
    Taken,
)
from maelstrom_core.wire.rows import MOST_ROWS, JobResultRow, RunJob

Row = TypeVar("Row", RunJob, JobResultRow)


class Post:
    """Messages that wait to be sent, in an order that holds for each peer."""

    def __init__(self) -> None:
        self._effects: list[Effect] = []
        self._runs: dict[tuple[Worker, bytes, Container], list[RunJob]] = {}
        self._behind: dict[tuple[Worker, bytes, Container], list[tuple[Job, RunJob]]] = {}
        """Of jobs that have no slot."""
        self._taken: dict[tuple[Worker, bytes], list[int]] = {}
        self._unwanted: dict[tuple[Worker, bytes], list[int]] = {}
        self._wished: dict[tuple[Worker, bytes, int], list[int]] = {}
        self._results: dict[Client, None] = {}

    def now(self, peer: bytes, message: Message, *, lossy: bool = False) -> None:
        """Send a message before those that are gathered."""
        self._effects.append(Send(peer, message, lossy))

    def bye(self, peer: bytes, code: int, text: str) -> None:
        """The last message to a peer."""
        self._effects += (Send(peer, Bye(code, text)), Forget(peer))

    def note(self, what: str, **facts: object) -> None:
        """Write down what happened."""
        self._effects.append(Note(what, facts))

    def effect(self, effect: Effect) -> None:
        """Anything else."""
        self._effects.append(effect)

    def run(self, job: Job, worker: Worker, *, waits: bool = False) -> None:
        """Give a worker a job.

        :param waits: it has no slot there
        """
        place = (worker, job.client.session, job.container)
        row = RunJob(job.tag, job.attempts, job.wants.slots, job.body)
        if waits:
            self._behind.setdefault(place, []).append((job, row))
            return
        rows = self._runs.get(place)
        if rows is None:
            self._runs[place] = [row]
        else:
            rows.append(row)

    def taken(self, worker: Worker, session: bytes, tag: int) -> None:
        """Tell a worker that it may forget a result."""
        self._taken.setdefault((worker, session), []).append(tag)

    def unwanted(self, worker: Worker, session: bytes, tag: int) -> None:
        """Tell a worker that a job is not wanted any more."""
        self._unwanted.setdefault((worker, session), []).append(tag)

    def wished_back(self, worker: Worker, session: bytes, number: int, tag: int) -> None:
        """Ask a worker for a job that waits behind its slots."""
        self._wished.setdefault((worker, session, number), []).append(tag)

    def results(self, client: Client) -> None:
        """A client has results that were not sent, or room for more of them."""
        self._results[client] = None

    def gathered(self) -> list[Effect]:
        """All that is to be done, in order; nothing is left."""
        self.flush()
        effects, self._effects = self._effects, []
        return effects

    def flush(self) -> None:
        """What was gathered goes out before all that comes after."""
        # What a worker forgets comes before what it is given: that may be of the same name.
        if self._taken:
            for (worker, session), tags in self._taken.items():
                for part in _parts(tags):
                    self._to(worker.peer, Taken(session, part))
            self._taken.clear()
        if self._unwanted:
            for (worker, session), tags in self._unwanted.items():
                for part in _parts(tags):
                    self._to(worker.peer, Cancel(session, part))
            self._unwanted.clear()
        if self._runs:
            for place, rows in self._runs.items():
                self._send_runs(*place, rows)
            self._runs.clear()
        if self._behind:
            self._send_behind()
        if self._wished:
            # After what it is given: that may be asked for at once.
            for (worker, session, number), tags in self._wished.items():
                self._to(worker.peer, GiveBack(number, session, tuple(tags)))
            self._wished.clear()
        if self._results:
            for client in self._results:
                self._send_results(client)
            self._results.clear()

    def _send_runs(
        self, worker: Worker, session: bytes, container: Container, rows: list[RunJob]
    ) -> None:
        if container.digest not in worker.told:
            self._tell(worker, container)
        for jobs in _messages(rows):
            self._to(worker.peer, Run(session, container.digest, jobs))

    def _send_behind(self) -> None:
        """After those that have slots, for a worker begins whatever comes first. Those of one container
        go together, so they wait there in another order than that in which they were given."""
        for place, jobs in self._behind.items():
            begun = [row for job, row in jobs if job not in place[0].behind]
            if begun:  # a slot was freed meanwhile
                self._send_runs(*place, begun)
        for place, jobs in self._behind.items():
            behind = place[0].behind
            waiting = [(job, row) for job, row in jobs if job in behind]
            for job, _ in waiting:
                behind[job] = behind.pop(job)
            if waiting:
                self._send_runs(*place, [row for _, row in waiting])
        self._behind.clear()

    def _to(self, peer: bytes | None, message: Message) -> None:
        if peer is not None:
            self._effects.append(Send(peer, message))

    def _tell(self, worker: Worker, container: Container) -> None:
        """A container, before the first job in it."""
        size = len(container.data)
        if len(worker.told) >= MOST_TOLD or worker.told_bytes + size > MOST_TOLD_BYTES:
            worker.told.clear()  # it is told of those that come again once more
            worker.told_bytes = 0
        worker.told.add(container.digest)
        worker.told_bytes += size
        self._to(worker.peer, ContainerBytes(container.digest, container.data))

    def _send_results(self, client: Client) -> None:
        """Results, as many as may be on their way."""
        if client.peer is None:
            return
        rows: list[JobResultRow] = []
        while (
            client.unsent
            and len(client.sent) < RESULTS_ON_THEIR_WAY
            and client.sent_bytes < RESULTS_BYTES_ON_THEIR_WAY
        ):
            job = client.jobs.get(client.unsent.popleft())
            if job is None or job.ending < 0 or job.tag in client.sent:
                continue
            client.sent[job.tag] = len(job.body)
            client.sent_bytes += len(job.body)
            name = "" if job.worker is None else job.worker.name
            rows.append(JobResultRow(job.tag, job.attempts, job.ending, name, job.body))
        for jobs in _messages(rows):
            self._to(client.peer, Results(jobs))


def _parts(tags: list[int]) -> Iterable[tuple[int, ...]]:
    if len(tags) <= MOST_TAGS:
        return (tuple(tags),)
    return (tuple(tags[start : start + MOST_TAGS]) for start in range(0, len(tags), MOST_TAGS))


def _messages(rows: list[Row]) -> Iterable[tuple[Row, ...]]:
    """Rows in as few messages as they fit into."""
    if len(rows) == 1:
        return (tuple(rows),)
    return _filled(rows)


def _filled(rows: list[Row]) -> Iterator[tuple[Row, ...]]:
    start = size = 0
    for index, row in enumerate(rows):
        size += len(row.body)
        if size > MESSAGE_BYTES or index - start >= MOST_ROWS:
            if index > start:
                yield tuple(rows[start:index])
            start, size = index, len(row.body)
    if start < len(rows):
        yield tuple(rows[start:])
