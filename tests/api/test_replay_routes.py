"""Replays and the retention over REST: thin, with times and patterns read as everywhere."""

from datetime import UTC, datetime, timedelta

import pytest

from api.replay_examples import REPLAY, ROW, STARTED
from domain.retention_errors import EventGoneError, IncidentGoneError, RetentionRefusedError
from tests.api.conftest import Service


async def test_a_replay_is_started_with_what_was_asked_for(service: Service) -> None:
    body = {"subscriber": "a", "to": "b", "since": "6h", "until": "2025-12-26T14:30:00+01:00", "types": "a.*,b.**"}
    answer = await service.http.post("/api/v1/replays", json=body | {"undelivered": True, "rate": "100/m"})
    assert (answer.status_code, answer.json()) == (202, STARTED)
    assert answer.headers["location"] == f"/api/v1/replays/{REPLAY['id']}"
    (asked,) = service.gateway.replays.asked
    assert (asked.subscriber, asked.to, asked.types) == ("a", "b", ["a.*", "b.**"])
    assert (asked.failed_only, asked.undelivered) == (False, True)
    assert asked.rate == "100/m"
    assert asked.until == datetime(2025, 12, 26, 13, 30, tzinfo=UTC)
    assert asked.since
    assert timedelta(hours=5) < datetime.now(UTC) - asked.since < timedelta(hours=7)


async def test_a_request_sent_again_is_the_same_whenever_it_counts_its_times_from(service: Service) -> None:
    for key, rate in (("k", "1/s"), ("k", "1/s"), ("k", "2/s"), (None, "1/s")):
        headers = {"Idempotency-Key": key} if key else {}
        body = {"to": "b", "since": "6h", "rate": rate}
        assert (await service.http.post("/api/v1/replays", json=body, headers=headers)).status_code == 202
    first, again, other, without = service.gateway.replays.once
    assert first
    assert other
    assert first == again != other
    assert (first.id, first.digest != other.digest, without) == (other.id, True, None)
    named = {"Idempotency-Key": "k", "Authorization": f"Bearer {service.gateway.tokens.add('ci', 'manage')}"}
    assert (await service.http.post("/api/v1/replays", json=body, headers=named)).status_code == 202
    last = service.gateway.replays.once[-1]
    assert last
    assert last.id != first.id
    wrong = await service.http.post("/api/v1/replays", json={"to": "b"}, headers={"Idempotency-Key": "a b"})
    assert wrong.status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"subscriber": "a", "since": "yesterday"},
        {"subscriber": "a", "types": "a..b"},
        {"subscriber": "a", "rat": "1/s"},
    ],
)
async def test_wrong_requests_start_nothing(service: Service, body: dict[str, str]) -> None:
    assert (await service.http.post("/api/v1/replays", json=body)).status_code == 422
    assert service.gateway.replays.asked == []


@pytest.mark.parametrize("path", ["", "/survey"])
async def test_what_is_wrong_is_said_of_the_member_that_it_has_here(service: Service, path: str) -> None:
    for body, says in (
        ({"to": "b", "rate": "fast"}, "'fast' is not a rate"),
        ({"to": "b", "since": "yesterday"}, "since is 'yesterday', which is neither an RFC 3339 time"),
        ({"to": "b", "failed_only": True}, "failed_only needs subscriber"),
        ({}, "give subscriber"),
        ({"subscriber": "a", "failed_only": True, "undelivered": True}, "give it or failed_only, not both"),
    ):
        answer = await service.http.post(f"/api/v1/replays{path}", json=body)
        assert (answer.status_code, says in answer.json()["detail"]) == (422, True), answer.text
        assert "--" not in answer.text
        assert "rate_limit" not in answer.text


MISTAKEN = "pattern 'im.incident.*' matches none of the event types that im publishes; did you mean 'im.incident.**'?"


@pytest.mark.parametrize(("path", "status"), [("", 202), ("/survey", 200)])
async def test_a_type_that_looks_mistaken_is_warned_of(service: Service, path: str, status: int) -> None:
    for types, warnings in (
        ("im.incident.*,com.example.**", [MISTAKEN]),
        ("im.incident.declared.v1", []),
        (None, []),
    ):
        answer = await service.http.post(f"/api/v1/replays{path}", json={"to": "b", "types": types})
        assert (answer.status_code, answer.json()["warnings"]) == (status, warnings)


async def test_replays_are_listed_shown_counted_and_cancelled(service: Service) -> None:
    service.gateway.replays.older = datetime(2025, 12, 26, tzinfo=UTC)
    listed = await service.http.get("/api/v1/replays", params={"limit": 1})
    assert listed.json()["data"] == [ROW]
    assert 'rel="next"' in listed.headers["link"]
    await service.http.get("/api/v1/replays", params={"cursor": listed.json()["next_cursor"]})
    assert service.gateway.replays.before == service.gateway.replays.older
    assert (await service.http.get(f"/api/v1/replays/{ROW['id']}")).json() == REPLAY
    assert (await service.http.post("/api/v1/replays/survey", json={"to": "b"})).json()["matched"] == 1
    stopped = await service.http.post(f"/api/v1/replays/{ROW['id']}/cancel")
    assert stopped.json()["stage"] == "cancelled"
    missing = await service.http.get("/api/v1/replays/rpl_000000000000")
    assert (missing.status_code, missing.json()["code"]) == (404, "replay_not_found")


async def test_the_retention_is_shown_and_set(service: Service) -> None:
    assert (await service.http.get("/api/v1/retention")).json()["retention"] == "7d"
    assert (await service.http.put("/api/v1/retention", json={"retention": "14d"})).json()["seconds"] == 14 * 86400
    for wrong in ("12h", "366d", "for ever"):
        assert (await service.http.put("/api/v1/retention", json={"retention": wrong})).status_code == 422


async def test_a_refused_retention_names_the_command(service: Service) -> None:
    service.gateway.breaks = RetentionRefusedError(namespace="prod", reason="no", command="temporal operator ...")
    refused = await service.http.put("/api/v1/retention", json={"retention": "14d"})
    assert (refused.status_code, refused.json()["code"]) == (409, "retention_refused")
    assert "temporal operator" in refused.json()["hint"]


async def test_what_is_gone_is_410(service: Service) -> None:
    service.gateway.breaks = EventGoneError(event_id="evt_1", kept="7d", made_on="2025-01-01")
    gone = await service.http.get("/api/v1/events/evt_1")
    assert (gone.status_code, gone.json()["code"]) == (410, "event_gone")
    assert "2025-01-01" in gone.json()["detail"]
    service.gateway.breaks = IncidentGoneError(incident_id="INC-7", kept="7d")
    assert (await service.http.get("/api/v1/incidents/INC-7")).status_code == 410
