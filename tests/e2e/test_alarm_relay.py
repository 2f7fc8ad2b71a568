"""One platform relays its alarms to another: a flat or nested subscriber of the first posts to the second's door."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from domain.alarm_messages import nested
from domain.alarms import Alarm, AlarmSeverity, Notification
from domain.message_formats import MessageFormat
from tests.support.eventually import eventually
from tests.support.platform import TOKEN, Platform, temporal_dev_server, unique_name
from tests.support.sink import Sink

SAID: dict[str, Any] = {
    "alarm_type": "expiry",
    "resource_type": "certificate",
    "node_id": "node-1",
    "brief_description": "Expires in 3 days: renew it",
    "detailed_description": ["CN=example", "", "  indented: yes"],
    "suggested_actions": ["Renew it", "Ask the PKI team"],
    "impacted_resources": {
        "authenticator": {"title": "Users: no login", "impacted_dependencies": ["html-form", "- sms: mobile"]},
        "listener": {"title": "", "impacted_dependencies": []},
    },
    "dashboard_link": "https://a.example/alarms/ü?x=1",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def second(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """Another platform, with a Temporal of its own."""
    folder: Path = tmp_path_factory.mktemp("second")
    async with temporal_dev_server(folder) as temporal:
        found = await Platform.over(temporal, folder)
        async with found.process("serve") as process:
            headers = {"Authorization": f"Bearer {TOKEN}"}
            async with httpx.AsyncClient(base_url=process.url, headers=headers, timeout=30) as found.api:
                yield found


@pytest.mark.parametrize("form", ["flat", "nested"])
async def test_an_alarm_arrives_whole_and_each_of_its_states_is_told_there(
    platform: Platform, second: Platform, sink: Sink, form: str
) -> None:
    door = f"{str(second.api.base_url).rstrip('/')}/api/v1/alarms/notifications"
    name, listener = unique_name("relay"), unique_name("listener")
    await platform.gateway.subscribers.add(
        name, door, message_format=MessageFormat(form), headers={"Authorization": f"Bearer {TOKEN}"}
    )
    await second.gateway.subscribers.add(listener, sink.url(), types=["im.alarm.**"])
    alarm_id, body = "", SAID | {"resource_id": unique_name("cert")}
    for severity in ("WARNING", "CRITICAL", "CLEARED"):
        observed = (await platform.api.post("/api/v1/alarms", json=body | {"severity": severity})).json()
        alarm_id = observed["alarm"]["alarm_id"]

    async def arrived() -> Alarm | None:
        found = await second.gateway.alarms.get(alarm_id)
        return found if found.severity is AlarmSeverity.CLEARED else None

    there, here = await eventually(arrived), await platform.gateway.alarms.get(alarm_id)
    fields = set(Notification.model_fields)
    assert there.model_dump(include=fields) == here.model_dump(include=fields)
    assert there.dashboard_link == SAID["dashboard_link"]
    back = await platform.api.post("/api/v1/alarms/notifications", json=nested(there))
    assert back.json()["outcome"] == "outdated", "two platforms that relay to each other do not go round in circles"
    requests = await sink.wait_for(3)
    verbs = [request.headers["ce-type"].split(".")[2] for request in requests]
    assert sorted(verbs) == ["changed", "cleared", "raised"]
    assert {request.headers["ce-source"] for request in requests} == {f"/alarms/{alarm_id}"}
    await platform.gateway.subscribers.remove(name)
    await second.gateway.subscribers.remove(listener)


async def test_notifications_out_of_order_leave_the_latest_state(second: Platform, sink: Sink) -> None:
    name = unique_name("late")
    await second.gateway.subscribers.add(name, sink.url(), types=["im.alarm.**"])
    notification = {
        "alarm_id": unique_name("theirs"),
        "alarm_type": "slow-connection",
        "resource_type": "data-source",
        "resource_id": "ds",
        "severity": "CLEARED",
        "cleared": "true",
        "last_updated": "2025-12-26T14:30:05Z",
    }
    raised = notification | {"severity": "MAJOR", "cleared": "false", "last_updated": "2025-12-26T14:30:00Z"}
    again = raised | {"last_updated": "2025-12-26T14:30:09Z"}
    outcomes = []
    for each in (notification, raised, again, notification, again):
        answer = await second.api.post("/api/v1/alarms/notifications", json=each)
        assert answer.status_code == 200
        outcomes.append(answer.json()["outcome"])
    assert outcomes == ["unchanged", "outdated", "raised", "outdated", "outdated"]
    (request,) = await sink.wait_for(1)
    assert request.headers["ce-type"] == "im.alarm.raised.v1"
    assert len(sink.received) == 1
    await second.gateway.subscribers.remove(name)
