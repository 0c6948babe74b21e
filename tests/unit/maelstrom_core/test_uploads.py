"""How far what a cluster lacks has been sent: it adds up, and is told now and then."""

from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.model.uploads import COPIED, UploadAccount, Uploading, UploadLines


def test_what_is_lacking_and_sent_adds_up_and_then_begins_anew() -> None:
    account = UploadAccount()
    assert account.take(100, 0, now=5.0) == Uploading(0, 100, 0.0)
    assert account.take(0, 40, now=6.0) == Uploading(40, 100, 1.0)
    assert account.take(50, 0, now=7.0) == Uploading(40, 150, 2.0)
    assert account.take(-50, 0, now=7.0) == Uploading(40, 100, 2.0)
    last = account.take(0, 60, now=9.0)
    assert last == Uploading(100, 100, 4.0)
    assert last.is_over
    assert account.take(7, 0, now=20.0) == Uploading(0, 7, 0.0)


def test_words_say_how_much_of_how_much_and_how_fast() -> None:
    assert str(Uploading(12_300_000, 45_600_000, 4.0)) == (
        "12.3 of 45.6 MB sent to the cluster, 3.1 MB/s"
    )
    assert str(Uploading(45_600_000, 45_600_000, 12.0)) == (
        "45.6 MB sent to the cluster in 12.0 s, 3.8 MB/s"
    )


def test_what_is_copied_is_told_in_other_words() -> None:
    account = UploadAccount(COPIED)
    account.take(2_000_000, 0, now=0.0)
    assert str(account.take(0, 1_000_000, now=1.0)) == (
        "1.0 of 2.0 MB copied into the store, 1.0 MB/s"
    )


def test_lines_are_few_and_none_for_what_is_soon_over() -> None:
    lines = UploadLines()
    assert lines.line(Uploading(0, 9, 0.0)) == ""
    assert lines.line(Uploading(9, 9, 0.9)) == ""
    seconds = [one / 2 for one in range(24)]
    told = [second for second in seconds if lines.line(Uploading(1, 9, second))]
    assert told == [1.0, 6.0, 11.0]
    assert lines.line(Uploading(9, 9, 12.0)).startswith("0.0 MB sent to the cluster in 12.0 s")
    assert lines.line(Uploading(1, 9, 0.5)) == ""


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 3)), max_size=40))
def test_it_is_over_exactly_when_nothing_is_lacking(steps: list[tuple[int, int, int]]) -> None:
    account, lacking, now = UploadAccount(), 0, 0.0
    for more, sent, pause in steps:
        now += pause
        if more:
            lacking += more
            assert not account.take(more, 0, now=now).is_over
        sent = min(sent, lacking)
        if sent:
            lacking -= sent
            told = account.take(0, sent, now=now)
            assert told.is_over == (not lacking)
            assert told.total_bytes - told.sent_bytes == lacking
