"""The event stream and explanations over HTTP."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from api import event_stream, examples
from domain.rates import parse_rate
from service.changes import EventChange
from service.stream_listener import Told
from tests.api.conftest import Serve, Service
from tests.api.stand_in_follower import AFTER, BEFORE

PATH = "/api/v1/events/stream"


def change(event_id: str = "evt_1", **parts: Any) -> EventChange:
    known = {
        "event_id": event_id,
        "type": "im.incident.declared.v1",
        "source": "/incidents/INC-7",
        "outcome": "failed",
        "troubled": ["failed:a"],
        "subscribers": ["a", "b"],
        "emitted_at": datetime(2025, 12, 26, 14, 30, tzinfo=UTC),
        "workflow_id": f"event/{event_id}@00000000",
    }
    return EventChange(**(known | parts))


def messages(text: str) -> Iterator[dict[str, str]]:
    """What the fields of each message are, by the rules of WHATWG HTML, 9.2.6."""
    for block in text.split("\n\n"):
        pairs = (line.partition(":") for line in block.splitlines())
        yield {name: value.removeprefix(" ") for name, _, value in pairs}


async def test_the_stream_tells_changes_with_places_to_come_back_to(service: Service) -> None:
    service.gateway.follower.changes = [change("evt_1"), change("evt_2")]
    answer = await service.http.get(PATH)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert answer.headers["cache-control"] == "no-store"
    found = list(messages(answer.text))
    assert found[0] == {"retry": "3000", "id": BEFORE}
    assert [(each["event"], each["id"]) for each in found[1:3]] == [("change", BEFORE), ("change", AFTER)]
    assert [json.loads(each["data"])["event_id"] for each in found[1:3]] == ["evt_1", "evt_2"]
    assert json.loads(found[1]["data"])["subscribers"] == ["a", "b"]


async def test_silence_is_broken_by_a_comment_that_moves_the_place_on(service: Service) -> None:
    found = list(messages((await service.http.get(PATH)).text))
    assert found[1] == {"": "still here", "id": AFTER}


async def test_the_end_says_why(service: Service) -> None:
    found = list(messages((await service.http.get(PATH)).text))
    assert (found[-2]["event"], json.loads(found[-2]["data"])) == ("end", {"reason": "the test is over"})
    assert service.gateway.follower.listening_now == 0


async def test_a_stream_ends_after_a_quarter_of_an_hour_and_loses_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "LONGEST_SECONDS", 0.0)
    service.gateway.follower.changes = [change()]
    found = list(messages((await service.http.get(PATH)).text))
    assert (found[1]["event"], found[1]["id"]) == ("end", BEFORE)


async def test_filters_and_the_place_are_passed_on(service: Service) -> None:
    incident = await service.http.post("/api/v1/incidents", json={"title": "t", "severity": "SEV-2"})
    query = {"type": "im.**", "subscriber": "a", "incident": "1", "failed": "true"}
    assert incident.json()["id"] == "INC-1"
    await service.gateway.subscribers.add("a", "https://a.example.com/", types=["**"])
    await service.http.get(PATH, params=query, headers={"Last-Event-ID": BEFORE})
    watch = service.gateway.follower.watch
    assert watch is not None
    assert watch.model_dump() == {"type": "im.**", "subscriber": "a", "incident": "INC-1", "failed": True}
    assert service.gateway.follower.after == BEFORE


async def test_a_stream_of_an_incident_that_was_never_declared_is_refused(service: Service) -> None:
    answer = await service.http.get(PATH, params={"incident": "999"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_incident")
    assert (await service.http.get(PATH, params={"incident": "JIRA-1"})).status_code == 200  # a publisher's own


async def test_a_type_that_looks_mistaken_is_warned_of_by_a_comment(service: Service) -> None:
    told = (await service.http.get(PATH, params={"type": "im.incident.*"})).text.splitlines()[0]
    assert told.startswith(": warning: ")
    assert told.endswith("did you mean 'im.incident.**'?")
    for well in ("im.incident.**", "com.example.deploy.v1"):
        assert (await service.http.get(PATH, params={"type": well})).text.startswith("retry: ")


@pytest.mark.parametrize(
    ("query", "headers", "code"),
    [
        ({"type": "a..b"}, {}, "invalid_pattern"),
        ({"typ": "a.b"}, {}, "invalid_request"),
        ({"subscriber": "nobody"}, {}, "unknown_subscriber"),
        ({}, {"Last-Event-ID": "17"}, "invalid_request"),
        ({}, {"Last-Event-ID": "2025-12-26T14:30:00"}, "invalid_request"),
        ({}, {"Last-Event-ID": "9000-01-01T00:00:00+00:00"}, "invalid_request"),
    ],
)
async def test_what_is_refused_is_a_problem_and_no_stream(
    service: Service, query: dict[str, str], headers: dict[str, str], code: str
) -> None:
    answer = await service.http.get(PATH, params=query, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert service.gateway.follower.listening_now == 0


def test_a_message_has_no_line_break_in_its_data() -> None:
    told = Told(kind="change", position=AFTER, change=change("evt\u2028\n\nid: 1"))
    assert len(event_stream._message(told).split("\n")) == 5


async def test_an_explanation_has_verdict_facts_and_requests(service: Service) -> None:
    published = await service.http.post(
        "/api/v1/events", json=examples.EVENT, headers={"Content-Type": "application/cloudevents+json"}
    )
    assert published.status_code == 202
    answer = await service.http.get(f"/api/v1/events/{examples.EVENT_ID}/why/my-webhook")
    assert answer.status_code == 200, answer.text
    assert answer.json()["verdict"] == "delivered"
    assert answer.json()["rounds"][0]["tries"][0]["attempt"]["status"] == 200
    other = await service.http.get(f"/api/v1/events/{examples.EVENT_ID}/why/nobody")
    assert (other.status_code, other.json()["code"]) == (404, "subscriber_never_told")


async def test_an_explanation_of_an_unknown_event_is_404(service: Service) -> None:
    answer = await service.http.get("/api/v1/events/a/b/why/c")
    assert (answer.status_code, answer.json()["code"]) == (404, "event_not_found")


async def test_a_stream_ends_once_its_token_is_revoked(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "CHECK_SECONDS", 0.0)
    tokens, follower = service.gateway.tokens, service.gateway.follower
    headers = {"Authorization": f"Bearer {tokens.add('watcher', 'read')}"}
    monkeypatch.setattr(follower, "listened", lambda: tokens.revoke("watcher"))
    found = list(messages((await service.http.get(PATH, headers=headers)).text))
    assert [each["event"] for each in found if "event" in each] == ["end"]
    assert "was revoked" in json.loads(found[1]["data"])["reason"]
    assert follower.caller == "watcher"


async def test_checks_of_a_stream_are_none_of_its_tokens_rate(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "CHECK_SECONDS", 0.0)
    service.gateway.follower.quiet = 5
    token = service.gateway.tokens.add("watcher", "read", rate=parse_rate("3/m"))
    headers = {"Authorization": f"Bearer {token}"}
    for _ in range(3):
        found = list(messages((await service.http.get(PATH, headers=headers)).text))
        assert "the test is over" in found[-2]["data"]


async def test_without_tokens_nobody_has_a_share_of_the_places(serve: Serve) -> None:
    service = await serve(token=None)
    assert (await service.http.get(PATH)).status_code == 200
    assert service.gateway.follower.caller is None
