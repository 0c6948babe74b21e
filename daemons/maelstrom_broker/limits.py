"""How long the broker waits, and how much it takes. Pure.

Seconds, bytes and counts. Whoever goes past a limit is told `Bye`, and its link ends; nothing else does.
"""

BEAT_SECONDS = 1.0
SILENT_SECONDS = 5 * BEAT_SECONDS
"""Who says nothing for so long is dead."""
AWAY_SECONDS = 2 * BEAT_SECONDS
"""A worker whose connection broke may come back in so long before its jobs are given to others."""
GRACE_SECONDS = 3.0
"""After a restart jobs that were handed in again wait so long for a worker that has them already; and
so long after workers came or went nothing is refused for want of a worker."""
ORPHAN_SECONDS = 60.0
"""A job that a worker holds and nobody wants is kept so long."""
CLIENT_SECONDS = 30.0
"""A client that is gone may come again in so long, if no setting says otherwise."""

MOST_ATTEMPTS = 3
MOST_UNFIT = 10
"""Attempts of a job that its workers could not run, as long as there are others that may."""
UNFIT_SECONDS = 30.0
"""A worker that could not run what is in a container is asked again after so long: its disk was full."""
MOST_WORKERS = 10_000
MOST_CLIENTS = 2_000
MOST_ADMINS = 100
MOST_DISMISSED = 1_000
"""Peers that were told `Bye` and are remembered so as not to be told again."""

WINDOW_JOBS = 100_000
"""Of one client: jobs whose results it has not taken."""
MOST_CLIENT_BYTES = 1 << 30
"""Of one client: bodies of its jobs and of their results."""
MOST_CONTAINERS = 8_192
MOST_CONTAINERS_BYTES = 128 << 20
"""Of one client, both."""
MOST_SESSIONS = 250
"""Of one key: clients that are here, or were a moment ago and may come again."""
MOST_KEY_BYTES = 2 << 30
"""Of all clients of one key: bodies and containers."""
MOST_KEY_WINDOWS = 4
"""Of all clients of one key: jobs, in windows of one client."""
MOST_QUEUES = 64
"""Of one client: different needs (slots and labels) of jobs that wait."""
MOST_ORPHANS = 100_000
MOST_ORPHANS_BYTES = 256 << 20
"""Results of orphans, of all workers together."""
MOST_UNTAKEN = 12_000
"""Results that a worker keeps for clients that do not take them; it gets no more jobs then."""
MOST_TOLD = 4_096
MOST_TOLD_BYTES = 32 << 20
"""Containers that a worker is taken to remember."""

RESULTS_ON_THEIR_WAY = 4_096
RESULTS_BYTES_ON_THEIR_WAY = 8 << 20
"""Of one client: sent and not taken; more is sent when some are."""
MOST_ASKING = 4
"""Of one client: questions for what is known of cases that wait for their answers."""
LEARNED_A_BEAT = 65_536
"""Of one client: cases that it may tell of; more is dropped."""
TYPED_A_SECOND = 4_096
TYPED_BYTES_A_SECOND = 4 << 20
"""Of one client: messages about terminals, and what is typed; more is dropped, and comes again."""
RESULTS_SECONDS = 0.02
ENOUGH_FOR_A_SLOT = 10
"""Results of a client go together with those of the next moment, while it has so many jobs that wait for
each slot that its jobs take: it need not hand in more in that moment."""
OUTPUT_BYTES_A_BEAT = 8 << 20
"""Of one client: what jobs write, as it comes; more is dropped."""
MESSAGE_BYTES = 384 << 10
"""Bodies in one message; with names of workers in every row it is still below what a message may be."""

FILL_AT_ONCE = 1_024
"""Jobs that are given out in one step: a larger first fill is done in slices."""
RECENT = 50
"""Lost and refused jobs that the status names."""
TEXT = 4_000
"""Characters of a reason."""
