"""Terminals of jobs: passed on between a job's worker and its client, and nobody else. Pure; a part of
the broker's machine.

The broker keeps nothing of what is shown and typed: what is lost is sent again by whoever said it. It
remembers that somebody is at a job's terminal, for such a job is not begun anew elsewhere: what was
typed and seen belongs to one run of it.

Of containers that have *stayed* after their jobs have ended it remembers nothing. The name of a run says
which worker has it, and the session whose it was; so they live on over a restart.
"""

from maelstrom_broker.attempts_state import Attempts
from maelstrom_broker.book_state import Book
from maelstrom_broker.limits import (
    TYPED_A_SECOND,
    TYPED_BYTES_A_SECOND,
)
from maelstrom_broker.records import UNWANTED, WANTED_AGAIN, Client, Job, Worker
from maelstrom_broker.workers_state import BadPeer
from maelstrom_core.wire.messages import Code
from maelstrom_core.wire.shapes import SESSION_BYTES
from maelstrom_core.wire.terminals import HadTerminal, ShowTerminal, TypeTerminal


class Terminals:
    """Those of all jobs.

    :param away_seconds: after a restart a job at whose terminal its client is waits so long for the
        worker that has it, and for no other: one that has tried for a while tries every ten seconds only
    """

    def __init__(self, book: Book, attempts: Attempts, away_seconds: float) -> None:
        self._book = book
        self._attempts = attempts
        self._away_seconds = away_seconds

    def worker_said(self, worker: Worker, message: ShowTerminal | HadTerminal) -> None:
        """A worker shows something, or has taken what was typed."""
        worker.has_terminals = True
        job = self._book.job(message.session, message.tag)
        if job is None or job.ending >= 0:
            self._stayed_said(worker, message)
            return
        if job.worker is not worker:
            return
        job.at_terminal = True
        if job.client.peer is not None and job.ending not in (UNWANTED, WANTED_AGAIN):
            self._book.post.now(job.client.peer, message, lossy=True)

    def client_said(self, client: Client, message: TypeTerminal | HadTerminal, now: float) -> None:
        """A client types something, or has shown what came.

        :raises BadPeer: if that is no job of its own
        """
        if message.session != client.session:
            raise BadPeer(Code.PROTOCOL, "that is the terminal of somebody else's job")
        job = client.jobs.get(message.tag)
        if not self._is_in_time(client, message, now):
            return
        if job is None or job.ending >= 0:
            self._pass_on(self._book.workers.get(message.run[:SESSION_BYTES]), message)
            return
        if not job.at_terminal:
            # A broker before this one passed on what its client saw.
            job.at_terminal = True
            if job.queue is not None:
                self._book.dispatch.unqueue(job)
                self._book.awaited[client.session, job.tag] = job
                self._book.later(now + self._away_seconds, self._give_up, job)
        self._pass_on(job.worker, message)

    def _stayed_said(self, worker: Worker, message: ShowTerminal | HadTerminal) -> None:
        """The same of a job that has ended: no beginning, which is that of a job that runs."""
        begins = isinstance(message, ShowTerminal) and message.number == 0
        client = self._book.clients.get(message.session)
        if client is None or client.peer is None or begins:
            return
        if message.run[:SESSION_BYTES] == worker.session:
            self._book.post.now(client.peer, message, lossy=True)

    def _pass_on(self, worker: Worker | None, message: TypeTerminal | HadTerminal) -> None:
        if worker is not None and worker.peer is not None and worker.has_terminals:
            self._book.post.now(worker.peer, message, lossy=True)

    def _is_in_time(self, client: Client, message: TypeTerminal | HadTerminal, now: float) -> bool:
        """Whether it may go on to a worker: there are others for whom that has to have time."""
        if now - client.typed_since >= 1.0:
            client.typed_since = now
            client.typed_left, client.typed_bytes_left = TYPED_A_SECOND, TYPED_BYTES_A_SECOND
        client.typed_left -= 1
        client.typed_bytes_left -= len(message.data) if isinstance(message, TypeTerminal) else 0
        return client.typed_left >= 0 and client.typed_bytes_left >= 0

    def _give_up(self, job: Job, now: float) -> None:
        """No worker has come that has it."""
        del now
        key = (job.client.session, job.tag)
        if self._book.awaited.get(key) is job:
            del self._book.awaited[key]
            self._attempts.lose(job, "a worker that did not come again")
