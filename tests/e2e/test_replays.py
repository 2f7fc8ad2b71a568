"""A replay sends what it should, once each, marked, at its rate; it outlives the process that began it."""

import asyncio
import signal
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.errors import ImError
from domain.replays import Stage, Survey
from service.replay_views import ReplayOptions, ReplayView
from tests.support.builders import make_event
from tests.support.eventually import eventually
from tests.support.platform import Platform, temporal_dev_server, unique_name, unique_type
from tests.support.sink import Answer, Received, Sink


@dataclass
class Told:
    """A subscriber, the type of event it is told of, and what it was sent."""

    platform: Platform = field(repr=False)
    sink: Sink
    name: str
    type: str

    @classmethod
    async def of(cls, platform: Platform, sink: Sink, event_type: str | None = None, **options: Any) -> "Told":
        told = cls(platform, sink, unique_name("told"), event_type or unique_type("replay"))
        await platform.gateway.subscribers.add(told.name, sink.url(f"/{told.name}"), types=[told.type], **options)
        return told

    def answers(self, *answers: Answer) -> None:
        self.sink.script(*answers, path=f"/{self.name}")

    def requests(self, *, replayed: bool | None = None) -> list[Received]:
        mine = [request for request in self.sink.received if request.path == f"/{self.name}"]
        return [each for each in mine if replayed is None or ("im-replay" in each.headers) == replayed]

    async def emitted(self, count: int) -> list[str]:
        """Emit five events by themselves and the others as a batch; wait until each was sent."""
        before = len(self.requests())
        batch = [make_event(id=unique_name("evt"), source="/tests", type=self.type) for _ in range(count - 5)]
        alone = [make_event(id=unique_name("evt"), source="/tests", type=self.type) for _ in range(5)]
        publish = self.platform.gateway.events
        await asyncio.gather(publish.publish_batch(batch), *(publish.publish(each, alone=True) for each in alone))
        await eventually(lambda: len(self.requests()) >= before + count, 40)
        return [event.id for event in (*alone, *batch)]

    async def failing(self, count: int) -> list[str]:
        """Emit events that fail for good, and wait until visibility knows."""
        self.answers(Answer(404))
        ids = await self.emitted(count)
        await surveyed(self.platform, count, options(subscriber=self.name, failed_only=True))
        self.answers(Answer(200))
        return ids


def options(**given: Any) -> ReplayOptions:
    return ReplayOptions(**given)


async def done(platform: Platform, replay_id: str, timeout: float = 30) -> ReplayView:
    """A replay, once it has ended and all that it sent has; its counts add up all the time."""
    wrong: list[ReplayView] = []

    async def ended() -> ReplayView | None:
        found = await platform.gateway.replays.get(replay_id)
        if found.sent != found.delivered + found.failed + found.cancelled + found.under_way:
            wrong.append(found)
        return found if found.ended_at and found.delivered + found.failed == found.sent else None

    found = await eventually(ended, timeout, interval=0.05)
    assert wrong == []
    return found


async def surveyed(platform: Platform, count: int, chosen: ReplayOptions) -> Survey:
    """What would be sent, once visibility knows of so many."""

    async def known() -> Survey | None:
        found = await platform.gateway.replays.survey(chosen)
        return found if found.matched == count else None

    return await eventually(known, 30, interval=0.2)


async def test_what_failed_is_sent_once_each_with_the_header(platform: Platform, sink: Sink) -> None:
    told = await Told.of(platform, sink)
    reached = await told.emitted(30)
    failed = await told.failing(30)
    started = await platform.gateway.replays.start(options(subscriber=told.name, failed_only=True, rate="100/s"))
    ended = await done(platform, started.id)
    assert (ended.stage, ended.matched, ended.sent, ended.delivered) == (Stage.DONE, 30, 30, 30)
    sent = told.requests(replayed=True)
    assert sorted(request.headers["ce-id"] for request in sent) == sorted(failed)
    assert {request.headers["im-replay"] for request in sent} == {started.id}
    assert not {request.headers["ce-id"] for request in told.requests(replayed=False)} ^ {*reached, *failed}
    runs = (await platform.api.get(f"/api/v1/events/{failed[0]}")).json()["runs"]
    assert [run["kind"] for run in runs] == ["original", "replay"]
    again = options(subscriber=told.name, failed_only=True)
    left = await surveyed(platform, 0, again)
    assert left.skipped == 30
    nothing = await platform.gateway.replays.start(again)
    assert (nothing.stage, nothing.sent) == (Stage.DONE, 0)


async def test_a_new_subscriber_is_told_of_what_was_before_it(platform: Platform, sink: Sink) -> None:
    old = await Told.of(platform, sink)
    ids = await old.emitted(12)
    new = await Told.of(platform, sink, old.type)
    other = await Told.of(platform, sink)
    survey = await surveyed(platform, 12, options(to=new.name))
    assert survey.by_type == {old.type: 12}
    assert survey.first
    assert survey.last
    assert survey.first.at <= survey.last.at
    await surveyed(platform, 12, options(subscriber=old.name, to=new.name))
    assert (await platform.gateway.replays.survey(options(subscriber=old.name, to=other.name))).matched == 0
    ran = await platform.im("replay", "--to", new.name, "--dry-run", "--types", "test.**")
    assert "12, at 10/s" in ran.out
    assert new.requests() == []
    ran = await platform.im("replay", "--to", new.name, "--rate", "100/s", "--format", "json")
    assert (ran.code, ran.json["sent"]) == (0, 12), ran.err
    await eventually(lambda: len(new.requests()) == 12)
    assert sorted(request.headers["ce-id"] for request in new.requests()) == sorted(ids)
    assert len(old.requests()) == 12
    await done(platform, ran.json["id"])
    assert (await platform.gateway.replays.survey(options(to=new.name))).matched == 12
    await platform.gateway.subscribers.pause(new.name)
    ran = await platform.im("replay", "--to", new.name, "--dry-run")
    assert ("12, at 10/s" in ran.out, f"not now: {new.name} is paused" in ran.err) == (True, True), ran.err


async def test_what_somebody_removed_was_not_told_goes_to_another(platform: Platform, sink: Sink) -> None:
    gone = await Told.of(platform, sink)
    await gone.emitted(6)
    failed = await gone.failing(7)
    new = await Told.of(platform, sink, gone.type)
    gone.answers(Answer(404))
    await new.emitted(5)
    new_told = await surveyed(platform, 12, options(subscriber=gone.name, failed_only=True))
    assert new_told.skipped == 0
    await platform.gateway.subscribers.remove(gone.name)
    before = len(new.requests())
    ran = await platform.im("replay", "--subscriber", gone.name, "--failed-only")
    assert (ran.code, f"{gone.name} was removed" in ran.err, "--to NAME" in ran.err) == (1, True, True), ran.err
    body = {"subscriber": gone.name, "to": new.name, "undelivered": True}
    counted = (await platform.api.post("/api/v1/replays/survey", json=body)).json()
    assert (counted["matched"], counted["skipped"]) == (7, 5), counted
    line = ("replay", "--subscriber", gone.name, "--to", new.name, "--failed-only", "--rate", "100/s")
    assert "7, at 100/s" in (await platform.im(*line, "--dry-run")).out
    await done(platform, (await platform.im(*line, "--format", "json")).json["id"])
    assert sorted(each.headers["ce-id"] for each in new.requests()[before:]) == sorted(failed)
    again = options(subscriber=gone.name, to=new.name, failed_only=True)
    assert (await surveyed(platform, 0, again)).skipped == 12
    assert (await platform.gateway.replays.survey(options(subscriber=gone.name, to=new.name))).matched == 18


async def test_a_cancelled_replay_sends_no_more(platform: Platform, sink: Sink) -> None:
    told = await Told.of(platform, sink)
    await told.emitted(25)
    await surveyed(platform, 25, options(subscriber=told.name))
    ran = await platform.im("replay", "--subscriber", told.name, "--rate", "2/s", "--detach")
    replay_id = ran.out.strip()
    await eventually(lambda: len(told.requests(replayed=True)) >= 2, 30)
    cancelled = await platform.api.post(f"/api/v1/replays/{replay_id}/cancel")
    assert cancelled.json()["stage"] == "cancelled"
    ended = await done(platform, replay_id)
    assert 2 <= ended.sent < 25
    assert len(told.requests(replayed=True)) == ended.sent
    listed = (await platform.im("replay", "list")).out
    assert replay_id in listed
    assert (await platform.gateway.replays.cancel(replay_id)).stage is Stage.CANCELLED


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"subscriber": "nobody-of-that-name"}, "nobody-of-that-name"),
        ({"subscriber": "nobody-of-that-name", "to": "x"}, "nobody-of-that-name"),
        ({"subscriber": "it's", "to": "x"}, "it's"),
        ({"failed_only": True, "to": "x"}, "whom did they not reach"),
        ({"undelivered": True, "to": "x"}, "whom did they not reach"),
        ({}, "--subscriber"),
        ({"rate": "5000/s"}, "1000/s"),
        ({"since": datetime(2025, 1, 2, tzinfo=UTC), "until": datetime(2025, 1, 1, tzinfo=UTC)}, "not before until"),
    ],
)
async def test_wrong_replays_are_refused(platform: Platform, sink: Sink, wrong: dict[str, Any], says: str) -> None:
    told = await Told.of(platform, sink)
    given = wrong if "rate" not in wrong and "since" not in wrong else wrong | {"subscriber": told.name}
    with pytest.raises(ImError) as refused:
        await platform.gateway.replays.start(options(**given))
    assert says in f"{refused.value} {refused.value.advice}"


async def test_a_request_with_an_idempotency_key_starts_one_replay(platform: Platform, sink: Sink) -> None:
    told = await Told.of(platform, sink)
    body, key = {"subscriber": told.name, "since": "1h"}, {"Idempotency-Key": told.name}
    first, again = [await platform.api.post("/api/v1/replays", json=body, headers=key) for _ in range(2)]
    assert (first.status_code, again.status_code, again.json()["id"]) == (202, 202, first.json()["id"])
    other = await platform.api.post("/api/v1/replays", json=body | {"rate": "1/s"}, headers=key)
    assert other.status_code == 422
    assert "with other options" in other.json()["detail"]
    await platform.gateway.subscribers.remove(told.name)
    late = await platform.api.post("/api/v1/replays", json=body, headers=key)
    assert (late.status_code, late.json()["id"]) == (202, first.json()["id"])


async def test_a_disabled_subscriber_is_not_replayed_to(platform: Platform, sink: Sink) -> None:
    told = await Told.of(platform, sink, enabled=False)
    ran = await platform.im("replay", "--subscriber", told.name)
    assert ran.code == 1
    assert f"im subscriber enable {told.name}" in ran.err


async def test_a_killed_process_sends_nothing_twice(tmp_path: Path, sink: Sink) -> None:
    async with temporal_dev_server(tmp_path) as temporal:
        platform = await Platform.over(temporal, tmp_path)
        async with platform.process("worker") as worker:
            told = await eventually(lambda: Told.of(platform, sink), 30)  # it says that it works before it polls
            await told.emitted(60)
            await surveyed(platform, 60, options(subscriber=told.name))
            started = await platform.gateway.replays.start(options(subscriber=told.name, rate="10/s"))
            await eventually(lambda: len(told.requests(replayed=True)) >= 30, 30)
            await worker.stop(signal.SIGKILL)
        async with platform.process("worker"):
            ended = await done(platform, started.id, 50)
        assert (ended.stage, ended.sent) == (Stage.DONE, 60)
        times = Counter(request.headers["ce-id"] for request in told.requests(replayed=True))
        assert len(times) == 60
        # Requests that were under way, or not yet reported, when it was killed: a loaded machine is a second behind.
        assert sum(times.values()) - 60 <= 15
