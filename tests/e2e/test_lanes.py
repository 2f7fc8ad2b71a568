"""Alert targets are told of an incident's events in their order: over the whole platform, with failures in between."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from temporalio.api.sdk.v1 import WorkflowMetadata

from domain.incidents import Action, Change, Declaration, Severity
from service.event_list import EventFilter
from tests.support.alert_receivers import PAGERDUTY_URL, AlertReceivers
from tests.support.eventually import eventually
from tests.support.platform import Platform, unique_name
from tests.support.sink import Answer
from workflows import names

ENQUEUE = "/v2/enqueue"
PATIENT = ",".join("1" * 45)  # seconds between requests: the receiver is mended when the test has seen enough


@asynccontextmanager
async def oncall(platform: Platform) -> AsyncIterator[str]:
    name = unique_name("oncall")
    await platform.gateway.subscribers.add(name, notify=PAGERDUTY_URL, schedule=PATIENT)
    try:
        yield name
    finally:
        await platform.gateway.subscribers.remove(name)


async def lifecycle(platform: Platform, *actions: Action) -> str:
    declaration = Declaration(title="Checkout down", severity=Severity.SEV_1, actor="tests")
    incident = await platform.gateway.incidents.declare(declaration)
    for action in actions:
        await platform.gateway.incidents.change(incident.id, Change(action=action, actor="tests"))
    return incident.id


@contextmanager
def out_of_order(alerts: AlertReceivers) -> Iterator[None]:
    """Every request is answered 503 for the duration of a block."""
    alerts.script(*[Answer(503)] * 500, path=ENQUEUE)
    try:
        yield
    finally:
        alerts.unscript(ENQUEUE)


def tried(alerts: AlertReceivers, incident_id: str) -> list[str]:
    """The actions that were asked for, failed ones included, in order."""
    bodies: list[dict[str, Any]] = [json.loads(asked.body) for asked in alerts.received if asked.path == ENQUEUE]
    return [body["event_action"] for body in bodies if body["dedup_key"] == f"im/{incident_id}"]


def done(alerts: AlertReceivers, incident_id: str) -> list[str]:
    return [b["event_action"] for b in alerts.pagerduty if b["dedup_key"] == f"im/{incident_id}"]


async def web_ui(platform: Platform, workflow_id: str) -> str:
    """What the Web UI shows of a workflow."""
    handle = platform.client.get_workflow_handle(workflow_id)
    told: WorkflowMetadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return told.current_details


async def test_a_retried_trigger_never_lands_after_its_resolve(platform: Platform, alerts: AlertReceivers) -> None:
    async with oncall(platform):
        alerts.script(Answer(503), Answer(500), path=ENQUEUE)
        incident_id = await lifecycle(platform, Action.ACKNOWLEDGE, Action.RESOLVE)
        await eventually(lambda: done(alerts, incident_id) == ["trigger", "acknowledge", "resolve"], 30)
        assert tried(alerts, incident_id) == ["trigger", "trigger", "trigger", "acknowledge", "resolve"]


async def test_one_that_failed_for_good_blocks_nobody(platform: Platform, alerts: AlertReceivers) -> None:
    async with oncall(platform):
        alerts.script(Answer(400), path=ENQUEUE)
        incident_id = await lifecycle(platform, Action.RESOLVE)
        await eventually(lambda: done(alerts, incident_id) == ["resolve"], 30)


async def test_incidents_do_not_wait_for_each_other(platform: Platform, alerts: AlertReceivers) -> None:
    async with oncall(platform):
        with out_of_order(alerts):
            first, second = await lifecycle(platform), await lifecycle(platform)
            await eventually(lambda: tried(alerts, first) and tried(alerts, second), 30)
            assert not done(alerts, first)
        await eventually(lambda: done(alerts, first) and done(alerts, second), 30)


async def test_the_order_holds_for_many_incidents_at_once(platform: Platform, alerts: AlertReceivers) -> None:
    async with oncall(platform):
        steps = (Action.ACKNOWLEDGE, Action.RESOLVE, Action.CLOSE)
        ids = await asyncio.gather(*(lifecycle(platform, *steps) for _ in range(8)))
        expected = ["trigger", "acknowledge", "resolve", "resolve"]
        await eventually(lambda: all(done(alerts, one) == expected for one in ids), 40)


async def test_the_event_says_that_it_waits_and_the_lane_who_is_in_line(
    platform: Platform, alerts: AlertReceivers
) -> None:
    async with oncall(platform) as name:
        with out_of_order(alerts):
            incident_id = await lifecycle(platform, Action.RESOLVE)
            lane = platform.client.get_workflow_handle(names.lane_workflow_id(name, incident_id))

            async def two_in_line() -> bool:
                return len(await lane.query("line")) == 2

            await eventually(two_in_line)
            resolved = (await platform.gateway.incidents.get(incident_id)).timeline[-1]

            waiting = f"waits until the earlier events of {incident_id} are done with"

            async def waits() -> bool:
                view = await platform.gateway.events.get(resolved.event_id)
                (delivery,) = [d for run in view.runs for d in run.deliveries if d.subscriber == name]
                assert delivery.state == "pending"
                return delivery.error == waiting and waiting in await web_ui(platform, view.runs[0].workflow_id)

            await eventually(waits)

            async def counted() -> bool:
                rows = (await platform.gateway.events.find(EventFilter(incident=incident_id, subscriber=name))).rows
                health = await platform.gateway.health.get(name)
                told = [row.state for row in rows], health.retrying, health.in_line
                return told == (["pending", "retrying"], 1, 1)

            await eventually(counted)
        await eventually(lambda: done(alerts, incident_id) == ["trigger", "resolve"], 30)
