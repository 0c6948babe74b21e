"""The file in which a broker keeps what clients tell of cases: what comes back, what is forgotten."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maelstrom_broker.history_file import (
    BYTES_OF_A_CASE,
    CASES_OF_A_RECORD,
    KEPT_DAYS,
    LONGEST_PLAN_SECONDS,
    PLAN_IDLE_SECONDS,
    PLAN_SECONDS,
    HistoryFile,
)
from maelstrom_broker.merge_plan import merged

from maelstrom_core.wire.histories import CASE_BYTES, MOST_OF_PROJECT, Row, packed, unpacked

PROJECT, OTHER, PLAN = b"p" * 32, b"o" * 32, b"q" * 32
DAY = 24 * 3600.0
NOW = 20_000 * DAY


def name(number: int) -> bytes:
    return b"%016d" % number


class Memory:
    """A file, and a clock."""

    def __init__(self, path: Path, most_bytes: int = 1 << 20) -> None:
        self.path = path
        self.faults: list[str] = []
        self.now = NOW
        self.file = HistoryFile(path, most_bytes=most_bytes, tell=self.faults.append)

    def learn(self, owner: str, rows: list[Row], project: bytes = PROJECT) -> None:
        self.now += 1
        for part in packed(rows):
            self.file.learn(owner, project, part, now=self.now)

    def recall(
        self, owner: str = "asker", project: bytes = PROJECT, plan: bytes = b""
    ) -> list[Row]:
        self.now += 1
        parts = self.file.recall(owner, project, plan, now=self.now)
        return sorted(row for part in parts for row in unpacked(part))


Open = Callable[..., Memory]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    every = []

    def open_it(**options: int) -> Memory:
        every.append(Memory(tmp_path / "history.sqlite", **options))
        return every[-1]

    yield open_it
    for memory in every:
        memory.file.close()


def test_what_one_tells_others_know_and_no_other_project_does(opened: Open) -> None:
    memory = opened()
    memory.learn("ann", [(name(1), 1500, False), (name(2), 20, True)])
    assert memory.recall("bob") == [(name(1), 1500, False), (name(2), 20, True)]
    assert memory.recall("bob", OTHER) == []
    memory.learn("ann", [(name(2), 40, False)])
    assert memory.recall("bob") == [(name(1), 1500, False), (name(2), 40, False)]
    assert memory.faults == []
    files = [*memory.path.parent.glob("history.sqlite*")]
    assert files and not any(file.stat().st_mode & 0o077 for file in files), "it is nobody else's"


def test_nobody_changes_what_another_has_told(opened: Open) -> None:
    memory = opened()
    for owner, took in (("ann", 100), ("bob", 120), ("eve", 1_000_000)):
        memory.learn(owner, [(name(1), took, owner == "ann")])
    assert memory.recall() == [(name(1), 120, False)]
    memory.learn("ann", [(name(1), 100, True)])
    assert memory.recall() == [(name(1), 120, True)], "who told last knows whether it fails"


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from([name(number) for number in range(5)]),
            st.tuples(st.integers(0, 99), st.booleans()),
            max_size=5,
        ),
        max_size=5,
    )
)
def test_an_answer_is_within_what_was_told(
    told: list[dict[bytes, tuple[int, bool]]],
) -> None:
    rows = [[(case, *rest) for case, rest in one.items()] for one in told]
    answer = merged(rows)
    assert {case for case, _, _ in answer} == {case for one in told for case in one}
    assert len(answer) == len({case for case, _, _ in answer})
    for case, took, failed in answer:
        all_of_it = [one[case] for one in told if case in one]
        assert failed == all_of_it[0][1]
        times = sorted(took for took, _ in all_of_it)
        assert times[0] <= took <= times[len(times) // 2]


def test_it_is_there_when_the_broker_comes_again(opened: Open) -> None:
    opened().learn("ann", [(name(1), 1500, True)])  # and it is killed: nothing is closed
    assert opened().recall() == [(name(1), 1500, True)]


@pytest.mark.parametrize("damage", ["all of it", "a page", "another version"])
def test_a_damaged_file_is_begun_anew_and_that_is_said(opened: Open, damage: str) -> None:
    memory = opened()
    memory.learn("ann", [(name(number), 1, False) for number in range(5_000)])
    if damage == "another version":
        assert memory.file._connection is not None
        memory.file._connection.execute("PRAGMA user_version=7")
    memory.file.close()
    data = bytearray(memory.path.read_bytes())
    if damage == "all of it":
        data = bytearray(b"what is this" * 9_000)
    elif damage == "a page":
        for start in range(3 * 4096, len(data), 4096):
            data[start : start + 2000] = random.Random(1).randbytes(2000)
    memory.path.write_bytes(data)
    again = opened()
    again.recall()
    assert len(again.faults) == 1 and "begun anew" in again.faults[0]
    again.learn("ann", [(name(1), 1500, False)])
    assert again.recall() == [(name(1), 1500, False)]
    assert len(again.faults) == 1


def test_a_file_that_cannot_be_used_costs_the_memory_and_is_said_once(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "nowhere" / "history.sqlite")
    for _ in range(3):
        memory.learn("ann", [(name(1), 1, False)])
        assert memory.recall() == []
    assert memory.faults == ["the history of cases cannot be opened: unable to open database file"]


def test_what_could_not_be_opened_is_when_it_can_be(tmp_path: Path) -> None:
    """As on a disk that was full when the broker was started."""
    memory = Memory(tmp_path / "later" / "history.sqlite")
    assert memory.recall(plan=PLAN) == []
    (tmp_path / "later").mkdir()
    memory.learn("ann", [(name(1), 1500, False)])
    assert memory.recall() == [(name(1), 1500, False)]
    memory.file.close()
    assert memory.recall() == [], "closed for good"
    assert len(memory.faults) == 1


FULL = """
import json, sys
from pathlib import Path
from maelstrom_broker.history_file import HistoryFile
from maelstrom_core.container import child, syscalls
from maelstrom_core.container.script import Step, Table
from maelstrom_core.wire.histories import packed, unpacked
import os

disk = Path(sys.argv[1])
step = Step("mount", ("tmpfs", str(disk), "tmpfs", 0, "size=1m"), "a small disk")
failure = child.perform(Table([step], syscalls.NUMBERS[os.uname().machine]))
assert failure is None, failure
PROJECT, PLAN, OTHER = b"p" * 32, b"q" * 32, b"r" * 32
faults, now = [], [1_000_000_000.0]

def opened():
    return HistoryFile(disk / "history.sqlite", most_bytes=1 << 20, tell=faults.append)

def learn(file, *numbers):
    now[0] += 1
    for part in packed([(b"%016d" % number, 5, False) for number in numbers]):
        file.learn("ann", PROJECT, part, now=now[0])

def recall(file, plan=b""):
    now[0] += 1
    parts = file.recall("bob", PROJECT, plan, now=now[0])
    return sorted(int(row[0]) for part in parts for row in unpacked(part))

file = opened()
learn(file, 1, 2)
said = {"before": [recall(file), recall(file, PLAN)]}
with open(disk / "others", "wb", buffering=0) as others:
    try:
        while others.write(bytes(4096)):
            pass
    except OSError:
        pass
learn(file, *range(3, 2_000))
said["full"] = [recall(file), recall(file, PLAN), recall(file, OTHER)]
file.close()
again = opened()
said["again"] = [recall(again), recall(again, PLAN), recall(again, OTHER)]
os.unlink(disk / "others")
learn(again, 3)
said["freed"] = [recall(again), recall(again, PLAN), recall(again, OTHER)]
print(json.dumps(said | {"faults": faults}))
"""


def test_a_full_disk_costs_what_is_new_and_nothing_else(tmp_path: Path) -> None:
    unshare = ("unshare", "--map-root-user", "--mount")
    tried = subprocess.run([*unshare, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no disk of one's own on this host: {tried.stderr}")
    command = [*unshare, sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["before"] == [[1, 2], [1, 2]]
    assert said["full"] == [[1, 2], [1, 2], []], "a plan that cannot be kept is not made"
    # A file that is opened anew on a full disk may be unreadable until there is room for its index.
    assert said["again"] in ([[1, 2], [1, 2], []], [[], [], []])
    assert said["freed"] == [[1, 2, 3], [1, 2], [1, 2, 3]]
    assert said["faults"][0].startswith("the history of cases cannot be written: ")
    assert "full" in said["faults"][0]
    assert not [fault for fault in said["faults"] if "damaged" in fault]


def test_all_who_make_a_plan_are_told_the_same(opened: Open) -> None:
    memory = opened()
    assert memory.recall("ann", plan=PLAN) == []
    memory.learn("ann", [(name(1), 1500, False)])
    assert memory.recall("bob", plan=PLAN) == [], "the first one was told nothing"
    assert memory.recall("bob", plan=b"r" * 32) == [(name(1), 1500, False)]
    memory.learn("bob", [(name(1), 9, False)])
    assert memory.recall("ann", plan=b"r" * 32) == [(name(1), 1500, False)]
    assert memory.recall() == [(name(1), 9, False)], "that is not what was told"


def test_plans_end_when_nobody_makes_them_any_more(opened: Open) -> None:
    memory = opened()
    memory.recall("ann", plan=PLAN)
    memory.learn("ann", [(name(1), 1500, False)])
    memory.now += PLAN_SECONDS - 100
    assert memory.recall("ann", plan=PLAN) == []
    memory.now += PLAN_IDLE_SECONDS - 100
    assert memory.recall("ann", plan=PLAN) == [], "others are still about it"
    memory.now += PLAN_IDLE_SECONDS + 1
    assert memory.recall("ann", plan=PLAN) == [(name(1), 1500, False)]
    memory.learn("ann", [(name(1), 3, False)])
    began = memory.now
    while memory.now < began + LONGEST_PLAN_SECONDS - PLAN_IDLE_SECONDS:
        memory.now += PLAN_IDLE_SECONDS - 100
        assert memory.recall("ann", plan=PLAN) == [(name(1), 1500, False)]
    memory.now += PLAN_IDLE_SECONDS
    assert memory.recall("ann", plan=PLAN) == [(name(1), 3, False)]


def test_cases_that_are_no_more_are_forgotten(opened: Open) -> None:
    memory = opened()
    memory.learn("ann", [(name(1), 1, False), (name(2), 2, False)])
    memory.now += KEPT_DAYS * DAY / 2
    memory.learn("ann", [(name(2), 2, False)])
    memory.now += KEPT_DAYS * DAY / 2 + DAY
    memory.learn("ann", [(name(3), 3, False)])
    assert [case for case, _, _ in memory.recall()] == [name(2), name(3)]


def test_whoever_tells_too_much_pushes_out_what_it_has_told_itself(opened: Open) -> None:
    memory = opened(most_bytes=BYTES_OF_A_CASE * 2_000)
    memory.learn("ann", [(name(number), 1, False) for number in range(100)])
    for number in range(20):
        rows = [(name(case), 2, False) for case in range(300)]
        memory.learn("eve", rows, bytes([number]) * 32)
        memory.recall("eve", bytes([number]) * 32, plan=PLAN)
    assert len(memory.recall()) == 100
    assert memory.recall(project=bytes(32)) == [], "the first of them is gone"
    assert len(memory.recall(project=bytes([19]) * 32)) == 300
    assert memory.faults == []


def test_empty_answers_take_room_too(opened: Open) -> None:
    memory = opened(most_bytes=BYTES_OF_A_CASE * 800)
    for number in range(150):
        memory.recall("eve", plan=b"%032d" % number)
    assert memory.file._connection is not None
    ((records,),) = memory.file._connection.execute("SELECT count(*) FROM records")
    assert records <= 800 // CASES_OF_A_RECORD


def test_the_file_stays_as_small_as_was_said(opened: Open) -> None:
    most = 1 << 20
    memory, dice = opened(most_bytes=most), random.Random(5)
    for number in range(8):
        rows = [(dice.randbytes(CASE_BYTES), 1, False) for _ in range(4_000)]
        memory.learn(f"client:{number % 3}", rows, bytes([number]) * 32)
    assert memory.faults == [], "the fuse has blown"
    memory.file.close()
    assert memory.path.stat().st_size <= most


def test_a_project_has_so_many_cases_and_no_more(opened: Open) -> None:
    memory = opened(most_bytes=BYTES_OF_A_CASE * 2_000)
    memory.learn("ann", [(name(number), 1, False) for number in range(900)])
    memory.now += DAY
    memory.learn("ann", [(name(number), 1, False) for number in range(900, 1_500)])
    known = {case for case, _, _ in memory.recall()}
    assert len(known) == 1_000 <= MOST_OF_PROJECT
    assert known >= {name(number) for number in range(900, 1_500)}, "the oldest are forgotten"
