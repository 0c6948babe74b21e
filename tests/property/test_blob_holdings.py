"""The account of a broker's blobs: whatever is asked in whatever order, limits hold and nothing that
was touched lately goes."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from maelstrom_core.transfer.server_state import Full, Holdings, Limits, cost_of

OWNERS = st.sampled_from(["ann", "bob"])
NAMES = st.sampled_from([bytes([index]) * 32 for index in range(12)])
SIZES = st.integers(0, 40_000)


class HoldingsRules(RuleBasedStateMachine):
    @initialize(
        limits=st.builds(
            Limits,
            most_bytes=st.integers(30_000, 200_000),
            most_blobs=st.integers(1, 10),
            share_bytes=st.integers(20_000, 200_000),
            rest_share=st.sampled_from([0.5, 1.0]),
            upload_bytes=st.integers(10_000, 100_000),
            uploads=st.integers(1, 4),
            keep_seconds=st.just(10.0),
        )
    )
    def start(self, limits):
        self.limits, self.now = limits, 100.0
        self.holdings = Holdings(limits)
        self.touched = {}
        self.sizes = {}

    @rule(seconds=st.integers(0, 15))
    def wait(self, seconds):
        self.now += seconds

    @rule(owner=OWNERS, name=NAMES, size=SIZES, whole=st.booleans())
    def place(self, owner, name, size, whole):
        key = name if whole else (owner, name)
        if key in self.holdings:
            return
        before = dict(self.touched)
        placed = self.holdings.place(key, owner, size, self.now)
        if isinstance(placed, Full):
            assert all(one in self.holdings for one in before), "it has made room for nothing"
            return
        for gone in placed:
            assert self.now - before[gone] >= self.limits.keep_seconds
            del self.touched[gone], self.sizes[gone]
        self.touched[key], self.sizes[key] = self.now, size

    @rule(owner=OWNERS, name=NAMES, size=SIZES)
    def place_where_there_is_room(self, owner, name, size):
        """Nothing is refused, and nothing goes, while all fits."""
        key, cost = name, cost_of(size)
        mine = sum(cost_of(self.sizes[one]) for one in self.sizes if self.owner_of(one) == owner)
        others = self.holdings.bytes - mine
        fits = (
            others + (mine + cost) / self.limits.rest_share <= self.limits.most_bytes
            and mine + cost <= self.limits.share_bytes
            and len(self.holdings) < self.limits.most_blobs
        )
        if fits and key not in self.holdings:
            assert self.holdings.place(key, owner, size, self.now) == []
            self.touched[key], self.sizes[key] = self.now, size

    def owner_of(self, key):
        return self.holdings._items[key].owner

    @rule(owner=OWNERS, name=NAMES)
    def complete(self, owner, name):
        if (owner, name) in self.holdings and name not in self.holdings:
            self.holdings.complete(owner, name, self.now)
            del self.touched[owner, name]
            self.touched[name] = self.now
            self.sizes[name] = self.sizes.pop((owner, name))

    @rule(owner=OWNERS, name=NAMES, whole=st.booleans())
    def touch(self, owner, name, whole):
        key = name if whole else (owner, name)
        before = self.holdings.touch(key, self.now)
        assert before == self.touched.get(key)
        if before is not None:
            self.touched[key] = self.now

    @rule(owner=OWNERS, name=NAMES, whole=st.booleans())
    def remove(self, owner, name, whole):
        key = name if whole else (owner, name)
        if key in self.holdings:
            self.holdings.remove(key)
            del self.touched[key], self.sizes[key]

    @rule(least=st.integers(1, 50_000))
    def shed(self, least):
        for gone in self.holdings.idle(least, self.now):
            assert self.now - self.touched[gone] >= self.limits.keep_seconds
            del self.touched[gone], self.sizes[gone]

    @rule()
    def restart(self):
        held = [
            (key, item.owner, item.size, item.used) for key, item in self.holdings._items.items()
        ]
        self.holdings = Holdings(self.limits)
        assert self.holdings.start_with(held) == []

    @invariant()
    def it_adds_up(self):
        self.holdings.check()
        assert {key: self.holdings.size(key) for key in self.touched} == self.sizes
        assert len(self.holdings) == len(self.touched)


TestHoldingsRules = HoldingsRules.TestCase
TestHoldingsRules.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_too_much_at_the_start_goes_oldest_first() -> None:
    holdings = Holdings(Limits(most_bytes=3 * cost_of(1)))
    found = [(bytes([i]) * 32, "", 1, float(i)) for i in range(5)]
    assert holdings.start_with(found) == [bytes([i]) * 32 for i in range(2)]
    holdings.check()
