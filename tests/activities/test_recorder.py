"""Group commits: everything is sent once, together, and acknowledged to whoever waits."""

import asyncio
from datetime import timedelta

import pytest

from activities.recorder import INTERVAL_SECONDS, MAX_BATCH, MAX_NOTES, SOON_SECONDS, Recorder
from domain.health import LedgerBatch, LedgerEntry, Report
from tests.support.builders import NOW
from tests.support.eventually import eventually

SOON = timedelta(seconds=30)


class Ledger:
    """Takes batches; can be made to fail or to wait."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.at: list[float] = []
        self.failing = 0
        self.open = asyncio.Event()
        self.open.set()

    async def take(self, batch: LedgerBatch) -> None:
        """Remember a batch."""
        self.at.append(asyncio.get_running_loop().time())
        await self.open.wait()
        if self.failing:
            self.failing -= 1
            raise ConnectionError("no ledger")
        self.batches.append([name for name, told in batch.sums.items() for _ in range(told.delivered)])

    @property
    def names(self) -> list[str]:
        """Everything taken, in order."""
        return [name for batch in self.batches for name in batch]


@pytest.fixture
async def ledger() -> Ledger:
    """Made inside the loop."""
    return Ledger()


def _entry(name: object) -> LedgerEntry:
    return LedgerEntry(subscriber=str(name), report=Report.DELIVERED, at=NOW)


async def test_a_recorded_entry_is_acknowledged(ledger: Ledger) -> None:
    assert await Recorder(ledger.take).record([_entry("a"), _entry("b")])
    assert ledger.batches == [["a", "b"]]


async def test_nothing_is_acknowledged_before_the_ledger_answers(ledger: Ledger) -> None:
    ledger.open.clear()
    waiting = asyncio.create_task(Recorder(ledger.take).record([_entry("a")]))
    await eventually(lambda: ledger.at)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    ledger.open.set()
    assert await waiting


async def test_an_empty_record_sends_nothing(ledger: Ledger) -> None:
    assert await Recorder(ledger.take).record([])
    assert ledger.batches == []


async def test_concurrent_records_share_a_commit(ledger: Ledger) -> None:
    recorder = Recorder(ledger.take)
    assert all(await asyncio.gather(*(recorder.record([_entry(name)]) for name in range(100))))
    assert [len(batch) for batch in ledger.batches] == [100]


async def test_commits_are_an_interval_apart(ledger: Ledger) -> None:
    recorder = Recorder(ledger.take)
    for name in range(4):
        await recorder.record([_entry(name)])
    gaps = [later - earlier for earlier, later in zip(ledger.at, ledger.at[1:], strict=False)]
    assert min(gaps) >= INTERVAL_SECONDS * 0.9


async def test_what_the_next_request_waits_for_is_committed_sooner(ledger: Ledger) -> None:
    recorder = Recorder(ledger.take)
    for name in range(8):
        await recorder.record([_entry(name)], soon=True)
    gaps = [later - earlier for earlier, later in zip(ledger.at, ledger.at[1:], strict=False)]
    assert SOON_SECONDS * 0.9 <= min(gaps) < INTERVAL_SECONDS * 0.9


async def test_what_comes_during_a_commit_goes_with_the_next(ledger: Ledger) -> None:
    recorder = Recorder(ledger.take)
    ledger.open.clear()
    first = asyncio.create_task(recorder.record([_entry("a")]))
    await eventually(lambda: ledger.at)
    rest = [asyncio.create_task(recorder.record([_entry(name)])) for name in "bc"]
    await asyncio.sleep(0)
    ledger.open.set()
    assert await asyncio.gather(first, *rest) == [True, True, True]
    assert ledger.batches == [["a"], ["b", "c"]]


async def test_a_failed_commit_is_told_to_all_who_waited_for_it(ledger: Ledger) -> None:
    recorder = Recorder(ledger.take)
    ledger.failing = 1
    assert not any(await asyncio.gather(recorder.record([_entry("a")]), recorder.record([_entry("b")])))
    assert await recorder.record([_entry("c")])
    assert ledger.names == ["c"], "what failed is not sent again behind the caller's back"


async def test_a_caller_who_gave_up_does_not_disturb_the_others(ledger: Ledger) -> None:
    recorder = Recorder(ledger.take)
    ledger.open.clear()
    gone = asyncio.create_task(recorder.record([_entry("a")]))
    stays = asyncio.create_task(recorder.record([_entry("b")]))
    await eventually(lambda: ledger.at)
    gone.cancel()
    ledger.open.set()
    assert await stays
    assert ledger.names == ["a", "b"]


async def test_notes_travel_without_being_waited_for(ledger: Ledger) -> None:
    recorder = Recorder(ledger.take)
    recorder.note(_entry("note"))
    assert await recorder.record([_entry("final")])
    assert ledger.batches == [["note", "final"]]


async def test_a_note_alone_is_sent(ledger: Ledger) -> None:
    recorder = Recorder(ledger.take)
    recorder.note(_entry("note"))
    await recorder.drain(SOON)
    assert ledger.names == ["note"]


async def test_notes_past_the_limit_are_dropped(ledger: Ledger) -> None:
    recorder = Recorder(ledger.take)
    for name in range(MAX_NOTES + 5):
        recorder.note(_entry(name))
    await recorder.drain(SOON)
    assert len(ledger.names) == MAX_NOTES


async def test_many_entries_are_sent_in_batches_in_order(ledger: Ledger) -> None:
    recorder = Recorder(ledger.take)
    records = [recorder.record([_entry(name)]) for name in range(2 * MAX_BATCH + 1)]
    assert all(await asyncio.gather(*records))
    assert [len(batch) for batch in ledger.batches] == [MAX_BATCH, MAX_BATCH, 1]
    assert ledger.names == [str(name) for name in range(2 * MAX_BATCH + 1)]


async def test_no_batch_is_longer_than_the_limit(ledger: Ledger) -> None:
    recorder = Recorder(ledger.take)
    await asyncio.gather(*(recorder.record([_entry(name)] * (MAX_BATCH - 1)) for name in "ab"))
    assert max(len(batch) for batch in ledger.batches) <= MAX_BATCH


async def test_drain_waits_for_everything_handed_over(ledger: Ledger) -> None:
    recorder = Recorder(ledger.take)
    waiting = [asyncio.create_task(recorder.record([_entry(name)])) for name in range(3)]
    await asyncio.sleep(0)
    await recorder.drain(SOON)
    assert all(task.done() for task in waiting)
    assert len(ledger.names) == 3


async def test_drain_of_an_idle_recorder_returns(ledger: Ledger) -> None:
    await Recorder(ledger.take).drain(SOON)
    assert ledger.batches == []


async def test_drain_gives_up_when_its_time_is_over(ledger: Ledger) -> None:
    ledger.open.clear()
    recorder = Recorder(ledger.take)
    recorder.note(_entry("a"))
    async with asyncio.timeout(5):
        await recorder.drain(timedelta(seconds=0.05))
    assert ledger.names == []
    ledger.open.set()
    await recorder.drain(SOON)
