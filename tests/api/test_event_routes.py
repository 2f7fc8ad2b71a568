"""Events over HTTP."""

import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from api import examples
from domain.event_parsing import MAX_BATCH_BYTES, MAX_EVENT_BYTES
from tests.api.conftest import Serve, Service

PATH = "/api/v1/events"
STRUCTURED = {"Content-Type": "application/cloudevents+json"}


def event(**parts: Any) -> dict[str, Any]:
    return examples.EVENT | parts


async def publish(service: Service, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await service.http.post(PATH, content=content, headers=headers or STRUCTURED)


async def test_a_structured_event_is_accepted(service: Service) -> None:
    answer = await publish(service, event())
    assert answer.status_code == 202
    assert answer.headers["location"] == f"{PATH}/{examples.EVENT_ID}"
    body = answer.json()
    assert (body["event_id"], body["published"], body["duplicate"]) == (examples.EVENT_ID, True, False)
    assert service.gateway.events.known[examples.EVENT_ID].to_dict() == event()


async def test_a_binary_event_is_accepted(service: Service) -> None:
    headers = {
        "Content-Type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "a/b c%C3%A9".replace(" ", "%20"),
        "ce-source": "/tests",
        "ce-type": "com.example.happened",
        "ce-comexampleother": "value",
    }
    answer = await publish(service, {"a": 1}, headers)
    assert answer.status_code == 202
    assert answer.headers["location"] == f"{PATH}/a%2Fb%20c%C3%A9"
    known = service.gateway.events.known["a/b cé"]
    assert (known.data, known.extensions) == ({"a": 1}, {"comexampleother": "value"})
    shown = await service.http.get(answer.headers["location"])
    assert shown.json()["event"]["id"] == "a/b cé"


@pytest.mark.parametrize("write", [to_binary_event, to_structured_event])
async def test_an_event_of_the_cloudevents_package_is_accepted(service: Service, write: Any) -> None:
    attributes = {"id": "1", "source": "/tests", "type": "com.example.a", "specversion": "1.0", "subject": "ünd so"}
    message = write(CloudEvent(attributes | {"datacontenttype": "application/json"}, {"a": "ö"}))
    assert (await publish(service, message.body, dict(message.headers))).status_code == 202
    known = service.gateway.events.known["1"]
    assert (known.subject, known.data) == ("ünd so", {"a": "ö"})


async def test_binary_data_that_is_not_json_is_kept_as_it_is(service: Service) -> None:
    headers = {"Content-Type": "image/png", "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}
    assert (await publish(service, b"\x89PNG", headers)).status_code == 202
    assert service.gateway.events.known["1"].data_base64 == "iVBORw=="


async def test_the_same_event_again_is_the_same_answer(service: Service) -> None:
    first, second = await publish(service, event()), await publish(service, event())
    assert second.status_code == first.status_code == 202
    assert second.headers["location"] == first.headers["location"]
    assert second.json() == first.json() | {"duplicate": True}


async def test_the_same_id_with_other_content_is_409(service: Service) -> None:
    await publish(service, event())
    answer = await publish(service, event(data={}))
    assert (answer.status_code, answer.json()["code"]) == (409, "event_conflict")


async def test_with_publishing_off_an_event_is_409(serve: Serve) -> None:
    answer = await publish(await serve(publishing=False), event())
    assert (answer.status_code, answer.json()["code"]) == (409, "publishing_disabled")
    assert "ENABLE_EVENT_PUBLISHING" in answer.json()["hint"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/cloudevents-batch+json; charset=utf-16"},
        {"Content-Type": "application/cloudevents+avro", "ce-id": "1"},
        {"Content-Type": "application/cloudevents+json; charset=utf-16"},
        STRUCTURED | {"Content-Encoding": "gzip"},
    ],
    ids=lambda headers: " ".join(headers.values()),
)
async def test_another_form_is_415(service: Service, headers: dict[str, str]) -> None:
    body = gzip.compress(json.dumps(event()).encode()) if "Content-Encoding" in headers else event()
    answer = await publish(service, body, headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert "application/cloudevents+json" in answer.headers["accept"]


@pytest.mark.parametrize("content_type", ["Application/CloudEvents+JSON; charset=UTF-8", STRUCTURED["Content-Type"]])
async def test_the_content_type_may_be_written_as_http_allows(service: Service, content_type: str) -> None:
    assert (await publish(service, event(), {"Content-Type": content_type})).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"specversion":"1.0","id":"1","source":"/s"}',
        b'{"specversion":"1.0","id":"1","id":"2","source":"/s","type":"t"}',
        b'{"specversion":"0.3","id":"1","source":"/s","type":"t"}',
        b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data":NaN}',
        b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data":"\\ud800"}',
        b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data":' + b"1" * 5000 + b"}",
        b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data":' + b"[" * 100 + b"]" * 100 + b"}",
        b"[" * 100_000,
    ],
    ids=lambda body: body[:80].decode("latin-1"),
)
async def test_what_is_no_event_is_422(service: Service, body: bytes) -> None:
    answer = await publish(service, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_event")


async def test_an_attribute_given_twice_in_binary_mode_is_422(service: Service) -> None:
    headers = [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-id", "2"), ("ce-source", "/s"), ("ce-type", "t")]
    answer = await service.http.post(PATH, content=b"", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_event")


@pytest.mark.parametrize("over", [1, 100_000])
async def test_an_event_past_256_kib_is_413(service: Service, over: int) -> None:
    body = json.dumps(event(data="")).encode()
    body = body.replace(b'"data": ""', b'"data": "' + b"x" * (MAX_EVENT_BYTES - len(body) + over) + b'"')
    answer = await publish(service, body)
    assert (answer.status_code, answer.json()["code"]) == (413, "event_too_large")


async def test_an_event_of_256_kib_is_accepted(service: Service) -> None:
    body = json.dumps(event(data=""), separators=(",", ":")).encode()
    body = body.replace(b'"data":""', b'"data":"' + b"x" * (MAX_EVENT_BYTES - len(body)) + b'"')
    assert (await publish(service, body)).status_code == 202


async def test_an_event_without_end_is_not_read_to_it(service: Service) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(10_000):
            sent += 65536
            yield b" " * 65536

    answer = await service.http.post(PATH, content=body(), headers=STRUCTURED)
    assert (answer.status_code, answer.json()["code"]) == (413, "event_too_large")
    assert sent < 2 * MAX_BATCH_BYTES


async def test_an_event_is_shown_as_cloudevents_writes_it(service: Service) -> None:
    await publish(service, event())
    shown = (await service.http.get(f"{PATH}/{examples.EVENT_ID}")).json()
    assert shown["event"] == event()
    delivery = shown["runs"][0]["deliveries"][0]
    assert (delivery["subscriber"], delivery["state"], delivery["attempts"][0]["status"]) == (
        "my-webhook",
        "delivered",
        200,
    )


async def test_an_unknown_event_is_404(service: Service) -> None:
    for answer in (await service.http.get(f"{PATH}/evt_0"), await service.http.post(f"{PATH}/evt_0/resend")):
        assert (answer.status_code, answer.json()["code"]) == (404, "event_not_found")


async def test_events_are_listed_by_every_filter(service: Service) -> None:
    await publish(service, event())
    query = {
        "failed": "true",
        "undelivered": "true",
        "type": "im.**",
        "incident": "INC-1",
        "subscriber": "my-webhook",
        "limit": "7",
    }
    listed = await service.http.get(PATH, params=query | {"since": "2025-12-26T14:30:00Z"})
    assert [row["event_id"] for row in listed.json()["data"]] == [examples.EVENT_ID]
    assert listed.json()["next_cursor"] is None
    wanted = service.gateway.events.wanted
    assert wanted is not None
    assert wanted.model_dump() == query | {
        "failed": True,
        "undelivered": True,
        "limit": 7,
        "since": datetime(2025, 12, 26, 14, 30, tzinfo=UTC),
        "before": None,
    }


@pytest.mark.parametrize(("asked", "warned"), [("im.incident.*", "did you mean 'im.incident.**'"), ("a.b", None)])
async def test_a_list_warns_of_a_type_that_looks_mistaken(service: Service, asked: str, warned: str | None) -> None:
    warnings = (await service.http.get(PATH, params={"type": asked})).json()["warnings"]
    assert [warned in each for each in warnings if warned] == ([True] if warned else [])
    assert len(warnings) == (1 if warned else 0)


async def test_a_list_goes_on_where_its_cursor_says(service: Service) -> None:
    await publish(service, event())
    service.gateway.events.older = older = datetime(2025, 12, 26, 14, 30, 0, 123456, tzinfo=UTC)
    first = await service.http.get(PATH, params={"type": "im.**", "limit": "1", "since": "2025-12-01T00:00:00+00:00"})
    link, _, rel = first.headers["link"].partition("; ")
    assert rel == 'rel="next"'
    assert first.json()["next_cursor"] in link
    service.gateway.events.older = None
    last = await service.http.get(link.strip("<>"))
    wanted = service.gateway.events.wanted
    assert wanted is not None
    assert (wanted.before, wanted.type, wanted.limit) == (older, "im.**", 1)
    assert wanted.since == datetime(2025, 12, 1, tzinfo=UTC)
    assert (last.json()["next_cursor"], "link" in last.headers) == (None, False)


@pytest.mark.parametrize("cursor", ["x", "%ff", "MjAyNS0xMi0yNlQxNDozMDowMA", "bXktd2ViaG9vaw"])
@pytest.mark.parametrize("path", [PATH, "/api/v1/incidents"])
async def test_a_foreign_cursor_is_422(service: Service, path: str, cursor: str) -> None:
    answer = await service.http.get(f"{path}?cursor={cursor}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_an_id_of_several_sources_needs_the_source(service: Service) -> None:
    await publish(service, event(id="1"))
    service.gateway.events.sources["1"] = ["/one", "/two"]
    for method, path in (("GET", f"{PATH}/1"), ("POST", f"{PATH}/1/resend")):
        refused = await service.http.request(method, path)
        assert (refused.status_code, refused.json()["code"]) == (409, "ambiguous_event")
        assert "/one, /two" in refused.json()["hint"]
        assert (await service.http.request(method, f"{path}?source=/one")).status_code in {200, 202}


async def test_since_may_be_a_duration_or_have_an_offset(service: Service) -> None:
    await service.http.get(f"{PATH}?since=1h")
    wanted = service.gateway.events.wanted
    assert wanted is not None
    assert wanted.since is not None
    assert timedelta(minutes=59) < datetime.now(UTC) - wanted.since < timedelta(minutes=61)
    await service.http.get(f"{PATH}?since=2025-12-26T15:30:00+01:00")
    assert service.gateway.events.wanted is not None
    assert service.gateway.events.wanted.since == datetime(2025, 12, 26, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "since", ["yesterday", "2025-12-26T14:30:00", "999999999d", "0001-01-01T00:00:00+14:00", "-1h", "2025-13-01"]
)
async def test_since_that_is_no_time_is_422(service: Service, since: str) -> None:
    answer = await service.http.get(PATH, params={"since": since})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_an_event_is_sent_again_to_all_or_to_one(service: Service) -> None:
    await publish(service, event(id="a/resend"))
    for body in (None, {}, {"subscriber": "my-webhook"}):
        answer = await service.http.post(f"{PATH}/a%2Fresend/resend", json=body)
        assert answer.status_code == 202
        assert answer.headers["location"] == f"{PATH}/a%2Fresend"
        assert answer.json()["event_id"] == "a/resend"
    assert service.gateway.events.resent == [("a/resend", None), ("a/resend", None), ("a/resend", "my-webhook")]


async def test_the_handshake_allows_the_origin_that_asks(service: Service) -> None:
    asked = {"WebHook-Request-Origin": "events.example.com", "WebHook-Request-Rate": "120"}
    answer = await service.http.options(PATH, headers=asked)
    assert answer.status_code == 204
    assert answer.headers["webhook-allowed-origin"] == "events.example.com"
    assert answer.headers["webhook-allowed-rate"] == "*"
    assert "POST" in answer.headers["allow"]
    assert "webhook-allowed-origin" not in (await service.http.options(PATH)).headers


BATCH = {"Content-Type": "application/cloudevents-batch+json"}


async def test_a_batch_is_accepted_with_a_receipt_for_each_event(service: Service) -> None:
    events = [event(id=f"evt_{number}") for number in range(3)]
    answer = await publish(service, events, BATCH)
    assert answer.status_code == 202
    assert [receipt["event_id"] for receipt in answer.json()["accepted"]] == ["evt_0", "evt_1", "evt_2"]


@pytest.mark.parametrize(
    "body",
    [[], {}, [1], [event(), {"id": "1"}], [{"id": "1"}] * 1001],
    ids=["none", "object", "number", "bad", "many"],
)
async def test_a_batch_with_a_fault_is_refused_whole(service: Service, body: object) -> None:
    answer = await publish(service, body, BATCH)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_event")
    assert service.gateway.events.known == {}


async def test_an_idempotency_key_asks_for_a_workflow_of_its_own(service: Service) -> None:
    await publish(service, event(), STRUCTURED)
    assert service.gateway.events.alone is False
    await publish(service, event(id="evt_2"), STRUCTURED | {"Idempotency-Key": "k"})
    assert service.gateway.events.alone is True


async def test_the_trace_context_of_a_request_is_kept_in_every_mode_and_repeats_stay_repeats(service: Service) -> None:
    first = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "x=1"}
    other = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}
    assert (await publish(service, event(), STRUCTURED | first)).status_code == 202
    assert service.gateway.events.known[examples.EVENT_ID].extensions.items() >= first.items()
    binary = {"ce-specversion": "1.0", "ce-id": "b", "ce-source": "/s", "ce-type": "a.b", "content-type": "text/plain"}
    assert (await publish(service, b"hello", binary | first)).status_code == 202
    assert service.gateway.events.known["b"].extensions == first
    batch = json.dumps([event(id="c"), event(id="d", traceparent=other["traceparent"])]).encode()
    assert (
        await publish(service, batch, {"Content-Type": "application/cloudevents-batch+json"} | first)
    ).status_code == 202
    assert service.gateway.events.known["c"].extensions["traceparent"] == first["traceparent"]
    assert service.gateway.events.known["d"].extensions["traceparent"] == other["traceparent"]


LISTS = (
    *("events", "events/stream", "incidents", "alarms", "replays", "subscribers", "subscribers/health", "types"),
    *("http-clients", "heartbeats", "zeebe/clusters", "keys", "doctor", "retention", "configuration"),
)


@pytest.mark.parametrize("path", LISTS)
async def test_a_misspelt_filter_is_refused_rather_than_left_out(service: Service, path: str) -> None:
    answer = await service.http.get(f"/api/v1/{path}", params={"subscribers": "a"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "'subscribers'" in answer.json()["detail"]


async def test_a_resend_to_one_is_not_one_to_all_for_being_asked_for_in_the_query(service: Service) -> None:
    await publish(service, event())
    answer = await service.http.post(f"{PATH}/{examples.EVENT_ID}/resend", params={"subscriber": "a"})
    assert (answer.status_code, service.gateway.events.resent) == (422, [])


async def test_a_list_of_what_is_not_there_is_refused_instead_of_empty(service: Service) -> None:
    nobody = await service.http.get(PATH, params={"subscriber": "nosuch"})
    assert (nobody.status_code, nobody.json()["code"]) == (422, "unknown_subscriber")
    never = await service.http.get(PATH, params={"incident": "999"})
    assert (never.status_code, never.json()["code"]) == (422, "unknown_incident")
    assert "'INC-999'" in never.json()["detail"]
    service.gateway.events.older = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)
    cursor = (await service.http.get(PATH)).json()["next_cursor"]  # the last page may have nothing
    assert (await service.http.get(PATH, params={"subscriber": "nosuch", "cursor": cursor})).status_code == 200
    await publish(service, event())  # of somebody who was removed
    assert (await service.http.get(PATH, params={"subscriber": "nosuch"})).status_code == 200


async def test_a_list_of_one_of_very_many_subscribers_says_that_it_may_lack_some(service: Service) -> None:
    await service.add_subscriber("team-1-webhook")
    assert (await service.http.get(PATH, params={"subscriber": "team-1-webhook"})).json()["warnings"] == []
    service.gateway.events.left_out = {"team-1-webhook"}
    listed = await service.http.get(PATH, params={"subscriber": "team-1-webhook"})
    assert ["may lack events for team-1-webhook" in each for each in listed.json()["warnings"]] == [True]
    assert (await service.http.get(PATH)).json()["warnings"] == []


@pytest.mark.parametrize("name", ["type", "subscriber", "incident", "since"])
@pytest.mark.parametrize("path", [PATH, f"{PATH}/stream"])
async def test_an_empty_filter_is_not_taken_for_none(service: Service, path: str, name: str) -> None:
    if path != PATH and name == "since":
        return
    answer = await service.http.get(path, params={name: ""})
    assert answer.status_code == 422
    assert answer.json()["detail"] == f"{name}: it is empty; leave it out, or give one"


async def test_a_refused_parameter_is_repeated_and_a_body_is_not(service: Service) -> None:
    asked = (await service.http.get(PATH, params={"limit": "abc"})).json()
    assert (asked["detail"], asked["errors"][0]["parameter"]) == ("limit: 'abc' is not a whole number", "limit")
    given = {"name": "a", "url": "https://a.example/", "max_attempts": "hush"}
    assert "hush" not in (await service.http.post("/api/v1/subscribers", json=given)).text
