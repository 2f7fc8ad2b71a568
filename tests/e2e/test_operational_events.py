"""Troubles of subscribers are told to others, never to themselves, and telling of them tells of nothing further."""

import json
from collections import Counter
from typing import Any

from domain.event_types import OPERATIONAL_TYPES
from tests.support.eventually import eventually
from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Answer, Sink

UNHEALTHY = "im.subscriber.unhealthy.v1"


def told(sink: Sink, path: str, names: set[str]) -> list[tuple[str, str | None]]:
    """What was posted to a path: the type, and of which of these subscribers an operational event tells."""
    events: list[dict[str, Any]] = [json.loads(each.body) for each in sink.received if each.path == path]
    rows = [(event["type"], event["data"].get("subscriber")) for event in events]
    return [(kind, name) for kind, name in rows if kind not in OPERATIONAL_TYPES or name in names]


async def is_quiet(platform: Platform, *types: str) -> bool:
    """Whether no event of these types is still being delivered."""
    wanted = ", ".join(f"'{each}'" for each in types)
    query = f"ExecutionStatus = 'Running' AND ImEventTypes IN ({wanted})"
    return (await platform.client.count_workflows(query)).count == 0


async def test_two_failing_subscribers_that_want_everything_do_not_feed_each_other(
    platform: Platform, sink: Sink
) -> None:
    event_type, (one, other) = f"im.{unique_type('loop')}", (unique_name("one"), unique_name("other"))
    for name in (one, other):
        sink.script(Answer(404), path=f"/{name}")
        await platform.gateway.subscribers.add(name, sink.url(f"/{name}"), types=["im.**"])
    try:
        for _ in range(3):
            await platform.ended(await platform.emit(event_type, {"n": 1}))
        expected = {
            one: Counter({(event_type, None): 3, ("im.delivery.exhausted.v1", other): 3, (UNHEALTHY, other): 1}),
            other: Counter({(event_type, None): 3, ("im.delivery.exhausted.v1", one): 3, (UNHEALTHY, one): 1}),
        }

        def all_told() -> bool:
            return all(Counter(told(sink, f"/{name}", {one, other})) == expected[name] for name in expected)

        await eventually(all_told, 30)
        await eventually(lambda: is_quiet(platform, event_type, *OPERATIONAL_TYPES), 30)
        assert all_told(), "what failed to be told was told of"
    finally:
        for name in (one, other):
            await platform.gateway.subscribers.remove(name)


async def test_nobody_who_asked_for_everything_by_default_is_told_and_a_resend_is_not_to_itself(
    platform: Platform, sink: Sink
) -> None:
    event_type, plain, ill, watcher = unique_type("ill"), *map(unique_name, ("plain", "ill", "watcher"))
    for name, types in ((plain, ["**"]), (ill, [event_type, "im.delivery.**"]), (watcher, ["im.delivery.**"])):
        sink.script(Answer(404 if name == ill else 200), path=f"/{name}")
        await platform.gateway.subscribers.add(name, sink.url(f"/{name}"), types=types)
    try:
        failed = await platform.emit(event_type, {"n": 1})
        await eventually(lambda: told(sink, f"/{watcher}", {ill}), 30)
        [event] = [json.loads(each.body) for each in sink.received if each.path == f"/{watcher}"]
        assert (event["data"]["event_id"], event["data"]["last_status"]) == (failed, 404)
        assert event["data"]["resend"] == f"im event resend {failed} --subscriber {ill}"
        refused = await platform.im("event", "resend", event["id"], "--subscriber", ill)
        await eventually(lambda: is_quiet(platform, event["type"]), 30)
        assert (refused.code, "never told of itself" in refused.err) == (1, True)
        assert [kind for kind, _ in told(sink, f"/{ill}", {ill})] == [event_type]
        assert "im.delivery.exhausted.v1" not in [kind for kind, _ in told(sink, f"/{plain}", {ill})]
    finally:
        for name in (plain, ill, watcher):
            await platform.gateway.subscribers.remove(name)
