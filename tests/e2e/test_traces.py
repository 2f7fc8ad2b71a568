"""Traces from publish to delivery, as a collector receives them, and what is said where they cannot be made."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from domain.event_parsing import parse_event
from domain.events import CloudEvent
from tests.support.builders import make_event
from tests.support.collector import FAST, Collector
from tests.support.eventually import eventually
from tests.support.platform import TOKEN, Platform, Process, temporal_dev_server, unique_name, unique_type
from tests.support.sink import Answer, Sink

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = "header-value-nobody-else-may-see"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def traced(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Platform, Collector]]:
    """A platform of its own: its two serving processes make spans."""
    folder: Path = tmp_path_factory.mktemp("traced")
    async with Sink() as sink, temporal_dev_server(folder) as temporal:
        platform, collector = await Platform.over(temporal, folder), Collector(sink)
        async with (
            platform.process("serve", "--workers", "2", **collector.environment) as serve,
            api_of(serve) as platform.api,
        ):
            yield platform, collector


def api_of(process: Process) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=process.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20)


def make_unique(stem: str, **parts: Any) -> CloudEvent:
    """An event of a type and with an id that no other has."""
    event_type = unique_type(stem)
    return make_event(id=f"evt_{event_type}", type=event_type, **parts)


async def publish(api: httpx.AsyncClient, event: CloudEvent, **headers: str) -> None:
    headers["Content-Type"] = "application/cloudevents+json"
    answer = await api.post("/api/v1/events", content=event.body, headers=headers)
    assert answer.status_code == 202, answer.text


async def test_a_trace_goes_from_the_caller_by_way_of_the_publication_to_every_request(
    traced: tuple[Platform, Collector], sink: Sink
) -> None:
    platform, collector = traced
    name, event = unique_name("traced"), make_unique("traced")
    sink.script(Answer(503, body=SECRET.encode()), Answer(200))
    await platform.gateway.subscribers.add(
        name, sink.url(f"/{SECRET}?token={SECRET}"), types=[event.type], headers={"X-Api-Key": SECRET}
    )
    await publish(platform.api, event, traceparent=CALLER, tracestate="vendor=1")
    published, first, second = await collector.wait_for(event.id, 3)
    assert {span.trace for span in (published, first, second)} == {CALLER.split("-")[1]}
    assert (published.name, published.kind) == (f"publish {event.type}", "SPAN_KIND_PRODUCER")
    assert published.parent == CALLER.split("-")[2]
    assert {(span.name, span.kind, span.parent) for span in (first, second)} == {
        (f"deliver {name}", "SPAN_KIND_CLIENT", published.id)
    }
    assert [span.failed for span in (published, first, second)] == [False, True, False]
    assert first.attributes == {
        "cloudevents.event_id": event.id,
        "cloudevents.event_type": event.type,
        "http.request.method": "POST",
        "http.response.status_code": 503,
        "server.address": "127.0.0.1",
        "server.port": sink.port,
        "im.subscriber": name,
        "im.attempt": 1,
        "error.type": "503",
    }
    assert (second.attributes["im.attempt"], second.attributes["http.response.status_code"]) == (2, 200)
    requests = await sink.wait_for(2)
    assert [request.headers["traceparent"] for request in requests] == [first.context, second.context]
    for request in requests:
        assert request.headers["tracestate"] == "vendor=1"
        assert parse_event(request.body).extensions["traceparent"] == published.context
    assert published.service == "im"
    assert SECRET.encode() not in collector.raw


async def test_a_context_in_the_event_itself_stands_and_is_the_parent(
    traced: tuple[Platform, Collector], sink: Sink
) -> None:
    platform, collector = traced
    event = make_unique("own", extensions={"traceparent": OTHER})
    await platform.gateway.subscribers.add(unique_name("own"), sink.url(), types=[event.type])
    await publish(platform.api, event, traceparent=CALLER)
    published, delivered = await collector.wait_for(event.id, 2)
    assert {span.parent for span in (published, delivered)} == {OTHER.split("-")[2]}
    (request,) = await sink.wait_for(1)
    assert request.headers["traceparent"] == delivered.context
    assert parse_event(request.body).extensions["traceparent"] == OTHER


async def test_a_repeat_in_another_trace_and_each_event_of_a_batch_are_accepted_once(
    traced: tuple[Platform, Collector], sink: Sink
) -> None:
    platform, collector = traced
    alone = make_unique("once")
    batch = [alone.model_copy(update={"id": f"{alone.id}-{n}"}) for n in range(3)]
    await platform.gateway.subscribers.add(unique_name("once"), sink.url(), types=[alone.type])
    for caller in (CALLER, OTHER):
        await publish(platform.api, alone, traceparent=caller)
        answer = await platform.api.post(
            "/api/v1/events",
            content=b"[" + b",".join(event.body for event in batch) + b"]",
            headers={"Content-Type": "application/cloudevents-batch+json", "traceparent": caller},
        )
        assert answer.status_code == 202
    for event in (alone, *batch):
        spans = await collector.wait_for(event.id, 3)
        assert sorted(span.name.partition(" ")[0] for span in spans) == ["deliver", "publish", "publish"]
    assert len(sink.received) == 4


async def test_an_event_of_the_command_line_begins_a_trace(traced: tuple[Platform, Collector], sink: Sink) -> None:
    platform, collector = traced
    event_type = unique_type("typed")
    await platform.gateway.subscribers.add(unique_name("typed"), sink.url(), types=[event_type])
    ran = await platform.im("event", "emit", "--type", event_type, env=collector.environment)
    assert ran.code == 0, ran.err
    published, request = await collector.wait_for(ran.out.strip(), 2)
    assert (published.kind, published.parent) == ("SPAN_KIND_PRODUCER", "")
    assert (request.trace, request.parent) == (published.trace, published.id)


async def test_an_incident_begins_a_trace(traced: tuple[Platform, Collector], sink: Sink) -> None:
    platform, collector = traced
    await platform.gateway.subscribers.add(unique_name("incidents"), sink.url(), types=["im.incident.declared.v1"])
    answer = await platform.api.post("/api/v1/incidents", json={"title": "t", "severity": "SEV-4", "actor": "me"})
    assert answer.status_code == 201
    (request,) = await sink.wait_for(1)
    published, delivered = await collector.wait_for(parse_event(request.body).id, 2)
    assert (published.parent, delivered.parent) == ("", published.id)


async def test_a_receiver_without_an_answer_fails_its_span(traced: tuple[Platform, Collector]) -> None:
    platform, collector = traced
    event = make_unique("away")
    async with Sink() as closed:
        url = closed.url()
    await platform.gateway.subscribers.add(unique_name("away"), url, types=[event.type], max_attempts=1)
    await publish(platform.api, event)
    published, delivered = await collector.wait_for(event.id, 2)
    assert (published.parent, published.failed) == ("", False)
    assert delivered.failed
    assert delivered.attributes["error.type"] == "connection"
    assert "http.response.status_code" not in delivered.attributes


async def test_what_is_left_is_exported_when_a_process_drains(traced: tuple[Platform, Collector]) -> None:
    platform, _ = traced
    async with Sink() as sink:
        collector, event = Collector(sink), make_unique("last")
        seldom = collector.environment | {"OTEL_BSP_SCHEDULE_DELAY": "600000", "OTEL_SERVICE_NAME": "alerts"}
        async with platform.process("serve", **seldom) as serve, api_of(serve) as api:
            await publish(api, event)
            assert collector.spans == []
            assert await serve.stop(signal.SIGTERM) == 0
            assert f"traces={sink.url('/v1/traces')}" in serve.said()
        assert [(span.name, span.service) for span in collector.spans] == [(f"publish {event.type}", "alerts")]


async def test_a_collector_that_is_away_keeps_nothing_from_being_delivered_and_no_process_from_ending(
    traced: tuple[Platform, Collector], sink: Sink
) -> None:
    platform, _ = traced
    async with Sink() as closed:
        away = {"OTEL_EXPORTER_OTLP_ENDPOINT": closed.url(""), "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    async with platform.process("serve", **FAST, **away) as serve, api_of(serve) as api:
        event = make_unique("alone")
        await platform.gateway.subscribers.add(unique_name("alone"), sink.url(), types=[event.type])
        await publish(api, event)
        await sink.wait_for(1)
        await eventually(lambda: "Failed to export" in serve.said(), 20)
        assert "Transient" not in serve.said()
        assert await serve.stop(signal.SIGTERM) == 0
