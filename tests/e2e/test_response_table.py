"""Each row of the guide's response table, and the request times of the backoff table, on one event."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Answer, Drop, Garbage, Hang, Redirect, Reset, RetryAfter, Script, Sink

DELIVERED = {"delivered": 1}
PERMANENT = {"failed": 1}
EXHAUSTED = {"failed": 5}
EARLY, LATE = 0.3, 5.0  # seconds; a neighbour that hangs does so for ten

# script, how it ends after how many requests, and the last error
ROWS: dict[str, tuple[Script, dict[str, int], str | None]] = {
    "200": (Answer(200), DELIVERED, None),
    "201": (Answer(201, b"made"), DELIVERED, None),
    "204": (Answer(204), DELIVERED, None),
    "299": (Answer(299), DELIVERED, None),
    "400": (Answer(400), PERMANENT, "HTTP 400 Bad Request"),
    "401": (Answer(401), PERMANENT, "HTTP 401 Unauthorized"),
    "404": (Answer(404), PERMANENT, "HTTP 404 Not Found"),
    "410": (Answer(410), PERMANENT, "HTTP 410 Gone"),
    "422": (Answer(422), PERMANENT, "HTTP 422 Unprocessable Entity"),
    "redirect": (Redirect("http://127.0.0.1:1/elsewhere"), PERMANENT, "HTTP 302 Found"),
    "garbage": (Garbage(), PERMANENT, "invalid response: not HTTP"),
    "408": (Answer(408), EXHAUSTED, "Max retries exceeded: HTTP 408"),
    "429": (Answer(429), EXHAUSTED, "Max retries exceeded: HTTP 429"),
    "500": (Answer(500), EXHAUSTED, "Max retries exceeded: HTTP 500"),
    "503": (Answer(503), EXHAUSTED, "Max retries exceeded: HTTP 503"),
    "drop": (Drop(), EXHAUSTED, "Max retries exceeded: connection closed before an answer"),
    "reset": (Reset(), EXHAUSTED, None),
}


@dataclass
class Story:
    """What one event met."""

    sink: Sink
    names: dict[str, str]
    event_id: str
    deliveries: dict[str, Any]

    def of(self, row: str) -> Any:
        """The delivery of a row."""
        return self.deliveries[self.names[row]]

    def times(self, row: str) -> list[float]:
        """When the requests of a row arrived, counted from its first."""
        found = [request.at for request in self.sink.received if request.path == f"/{row}"]
        return [round(at - found[0], 2) for at in found]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def story(platform: Platform) -> AsyncIterator[Story]:
    """One event to every row, to one that hangs, one with six attempts and one that asks for a pause, to their end."""
    event_type = unique_type("table")
    async with Sink() as sink:
        names = {row: unique_name(f"row-{row}") for row in (*ROWS, "hang", "six", "pause")}
        scripts = {row: script for row, (script, _, _) in ROWS.items()}
        scripts |= {"hang": Hang(30), "six": Answer(503)}
        for row, script in scripts.items():
            sink.script(script, path=f"/{row}")
        sink.script(RetryAfter(503, "4"), Answer(200), path="/pause")
        for row, name in names.items():
            attempts = {"six": 6, "hang": 2}.get(row)
            await add_without_wait(platform, name, sink.url(f"/{row}"), event_type, attempts)
        await platform.gateway.subscribers.update(names["six"], max_attempts=6)
        event_id = await platform.emit(event_type)
        yield Story(sink, names, event_id, await platform.ended(event_id, timeout=60))


async def add_without_wait(platform: Platform, name: str, url: str, event_type: str, attempts: int | None) -> None:
    await platform.gateway.subscribers.add(name, url, types=[event_type], max_attempts=attempts)


@pytest.mark.parametrize("row", ROWS)
async def test_each_answer_ends_a_delivery_as_the_guide_says(story: Story, row: str) -> None:
    _, ends, error = ROWS[row]
    delivery = story.of(row)
    assert {delivery["state"]: len(delivery["attempts"])} == ends
    assert len(story.times(row)) == sum(ends.values())
    if error is not None:
        assert delivery["error"] == error


def assert_came(times: list[float], schedule: list[float], early: float = EARLY) -> None:
    """Requests came when they were due: none early, and none later than a loaded machine makes it.

    Each wait counts from the request before, so one that is late makes those behind it late as well.
    """
    assert len(times) == len(schedule), times
    waits = [(times[n] - times[n - 1], schedule[n] - schedule[n - 1]) for n in range(1, len(times))]
    assert all(-early <= waited - due <= LATE for waited, due in waits), times


@pytest.mark.parametrize("row", ["408", "429", "500", "503", "drop", "reset"])
async def test_requests_come_at_0_1_3_7_and_15_seconds_beside_one_that_hangs(story: Story, row: str) -> None:
    assert_came(story.times(row), [0, 1, 3, 7, 15])


async def test_a_sixth_attempt_comes_after_sixteen_more_seconds(story: Story) -> None:
    assert_came(story.times("six"), [0, 1, 3, 7, 15, 31])
    assert story.of("six")["error"] == "Max retries exceeded: HTTP 503"


async def test_a_receiver_that_does_not_answer_within_ten_seconds_is_tried_again(story: Story) -> None:
    assert_came(story.times("hang"), [0, 11], early=2.0)  # the 10 s began before the request was seen to arrive
    assert story.of("hang")["error"].startswith("Max retries exceeded: timeout")
    assert 9_900 <= story.of("hang")["attempts"][0]["duration_ms"] <= 10_000 + LATE * 1000


async def test_retry_after_is_honoured_when_it_is_later_than_the_schedule(story: Story) -> None:
    assert_came(story.times("pause"), [0, 4])
    assert story.of("pause")["state"] == "delivered"


async def test_every_known_attempt_is_shown_with_status_and_duration(story: Story) -> None:
    attempts = story.of("503")["attempts"]
    assert [attempt["number"] for attempt in attempts] == [1, 2, 3, 4, 5]
    assert all(attempt["status"] == 503 and attempt["duration_ms"] >= 1 for attempt in attempts)


async def test_a_subscriber_that_is_gone_is_paused(story: Story, platform: Platform) -> None:
    gone = await platform.gateway.subscribers.get(story.names["410"])
    assert gone.enabled
    assert gone.paused is not None
    assert (gone.paused.reason, gone.gone_at) == ("answered HTTP 410 Gone", gone.paused.at)


async def test_the_ledger_counts_what_the_workflows_say(story: Story, platform: Platform) -> None:
    for row in (*ROWS, "hang", "six", "pause"):
        health = await platform.gateway.health.get(story.names[row])
        state = story.of(row)["state"]
        assert (health.delivered, health.failed) == (int(state == "delivered"), int(state == "failed"))
        assert health.retrying == 0


async def test_the_log_has_the_guides_lines(story: Story, platform: Platform) -> None:
    ran = await platform.im("logs", "--component", "outbox-worker", "--level", "warn")
    name = story.names["503"]
    mine = [line for line in ran.out.splitlines() if f"subscriber_id={name} " in line]
    assert len(mine) == 5
    assert 'level=WARN msg="Webhook delivery failed, scheduling retry"' in mine[1]
    assert f"event_id={story.event_id} attempt=2 next_retry_at=" in mine[1]
    assert mine[1].endswith('error="HTTP 503 Service Unavailable"')
    assert 'level=ERROR msg="Webhook delivery permanently failed"' in mine[4]
    assert mine[4].endswith(f'event_id={story.event_id} attempts=5 error="Max retries exceeded: HTTP 503"')
