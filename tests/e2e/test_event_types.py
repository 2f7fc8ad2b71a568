"""Every event type, emitted for real: what is delivered is what its schema says, and nothing besides."""

import json
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jsonschema

from domain.event_types import EMITTED_TYPES
from domain.pauses import PauseRequest, ResumeRequest
from service.event_schemas import event_schema
from tests.support.eventually import eventually
from tests.support.platform import TOKEN, Platform, temporal_dev_server
from tests.support.sink import Answer, Received, Sink
from workflows import names

ALARM = {"alarm_type": "failed-connection", "resource_type": "data-source", "resource_id": "users-db"}
WORD = {"actor": "bob@example.com", "note": "a word"}


async def post(api: httpx.AsyncClient, path: str, body: dict[str, Any]) -> None:
    answer = await api.post(f"/api/v1/{path}", json=body)
    assert answer.is_success, answer.text


async def incidents_and_alarms(api: httpx.AsyncClient) -> None:
    declared = {"title": "Checkout errors", "severity": "SEV-2", "actor": "alice@example.com"}
    await post(api, "incidents", declared)
    await post(api, "incidents/INC-1/notes", WORD)
    for step in ("acknowledge", "mitigate", "resolve", "close"):
        await post(api, f"incidents/INC-1/{step}", WORD)
    for severity in ("MAJOR", "CRITICAL", "CLEARED"):
        await post(api, "alarms", ALARM | {"severity": severity})


async def subscribers_in_trouble(platform: Platform, sink: Sink) -> None:
    """One fails for good and recovers, gets another secret, and is paused and resumed."""
    sink.script(Answer(404), Answer(200), path="/troubled")
    types, directory = ["example.troubles.v1"], platform.client.get_workflow_handle(names.DIRECTORY_ID)
    await platform.gateway.subscribers.add("troubled", sink.url("/troubled"), types=types, secret="s3cret-s3cret")
    for outcome in ("failed", "delivered"):
        event_id = await platform.emit(types[0])
        assert (await platform.ended(event_id))["troubled"]["state"] == outcome
    await platform.gateway.subscribers.update("troubled", generate_secret=True)
    await directory.execute_update("pause_subscriber", PauseRequest(name="troubled", reason="by hand"))
    await directory.execute_update("resume_subscriber", ResumeRequest(name="troubled"))


def undocumented(schema: dict[str, Any], value: Any, place: str = "") -> list[str]:
    """The members of a value that its schema does not name, where it names any."""
    known = schema.get("properties")
    if not isinstance(value, dict) or known is None:
        return []
    return [f"{place}{name}" for name in value if name not in known] + [
        found for name in known if name in value for found in undocumented(known[name], value[name], f"{place}{name}.")
    ]


def told(request: Received) -> str:
    event_type: str = json.loads(request.body)["type"]
    return event_type


async def test_every_type_is_delivered_as_its_schema_says(tmp_path: Path, sink: Sink) -> None:
    async with AsyncExitStack() as stack:
        platform = await Platform.over(await stack.enter_async_context(temporal_dev_server(tmp_path)), tmp_path)
        every, grace = timedelta(seconds=1), timedelta()
        async with platform.process("serve") as process:
            await platform.gateway.subscribers.add("all", sink.url(), types=["im.**"], generate_secret=True)
            await platform.gateway.heartbeats.add("backup", every=every, grace=grace)
            token = {"Authorization": f"Bearer {TOKEN}"}
            async with httpx.AsyncClient(base_url=process.url, headers=token, timeout=30) as api:
                platform.api = api
                await incidents_and_alarms(api)
                await subscribers_in_trouble(platform, sink)
                await post(api, "subscribers/all/test", {})
                await post(api, "heartbeats/backup", {})
        async with platform.process("serve"):  # the beats of the time between may have been lost
            await eventually(lambda: {told(request) for request in sink.received} >= set(EMITTED_TYPES), 60)

    for request in [each for each in sink.received if each.path == "/"]:
        schema, event = event_schema(told(request)), json.loads(request.body)
        jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(event)
        assert not undocumented(schema, event), event
