"""Subscribers and their health over HTTP."""

import json
from datetime import timedelta

import httpx
import pytest
import structlog

from tests.api.conftest import Service
from tests.api.stand_in import GENERATED

SECRET = "hunter2-hunter2-hunter2-hunter2"
PATH = "/api/v1/subscribers"
UNSIGNED = (
    "its requests are not signed, so the receiver cannot tell them from forged ones; to sign them: PATCH it with "
    "generate_secret true"
)


async def test_adding_is_201_with_location(service: Service) -> None:
    answer = await service.add_subscriber(types=["im.incident.**"])
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{PATH}/my-webhook"
    body = answer.json()
    assert body["subscriber"]["name"] == "my-webhook"
    assert body["subscriber"]["types"] == ["im.incident.**"]
    assert (body["warnings"], body["secret"], body["whsec"]) == ([UNSIGNED], None, None)


async def test_types_are_all_by_default(service: Service) -> None:
    assert (await service.add_subscriber()).json()["subscriber"]["types"] == ["**"]


async def test_types_may_be_separated_by_commas(service: Service) -> None:
    added = await service.add_subscriber(types="im.incident.**, com.example.*")
    assert added.json()["subscriber"]["types"] == ["im.incident.**", "com.example.*"]


async def test_a_pattern_without_a_known_type_is_warned_of(service: Service) -> None:
    added = await service.add_subscriber(types="im.incident.*")
    assert "did you mean 'im.incident.**'?" in added.json()["warnings"][0]


async def test_everything_that_can_be_set_is_passed_on(service: Service) -> None:
    added = await service.add_subscriber(
        secret=SECRET, headers={"X-Key": "value"}, schedule="5,60", max_attempts=4, enabled=False
    )
    subscriber = added.json()["subscriber"]
    assert (subscriber["signed"], subscriber["enabled"], subscriber["header_names"]) == (True, False, ["X-Key"])
    assert (subscriber["schedule"], subscriber["max_attempts"]) == ("5,60", 4)
    assert service.gateway.subscribers.header_values == {"X-Key": "value"}
    assert added.json()["whsec"] == "whsec_equivalent"


async def test_a_generated_secret_is_shown_once(service: Service) -> None:
    added = (await service.add_subscriber(generate_secret=True)).json()
    assert (added["secret"], added["warnings"]) == (GENERATED, [])
    for path in (PATH, f"{PATH}/my-webhook", f"{PATH}/health"):
        assert GENERATED not in (await service.http.get(path)).text


async def test_a_name_that_is_taken_is_409(service: Service) -> None:
    await service.add_subscriber()
    answer = await service.add_subscriber()
    assert (answer.status_code, answer.json()["code"]) == (409, "subscriber_exists")


async def test_a_page_leads_to_the_next(service: Service) -> None:
    for name in ("c", "a", "e", "b", "d"):
        await service.add_subscriber(name)
    seen, url, pages = [], f"{PATH}?limit=2", 0
    while url:
        answer = await service.http.get(url)
        seen += [row["name"] for row in answer.json()["data"]]
        pages += 1
        assert ("next" in answer.links) == (answer.json()["next_cursor"] is not None)
        url = answer.links.get("next", {}).get("url", "")
    assert (seen, pages) == (["a", "b", "c", "d", "e"], 3)


async def test_a_cursor_survives_the_removal_of_its_row(service: Service) -> None:
    for name in ("a", "b", "c"):
        await service.add_subscriber(name)
    cursor = (await service.http.get(f"{PATH}?limit=2")).json()["next_cursor"]
    await service.http.delete(f"{PATH}/b")
    rest = (await service.http.get(PATH, params={"cursor": cursor})).json()
    assert [row["name"] for row in rest["data"]] == ["c"]


@pytest.mark.parametrize("cursor", ["***", "a", "_w", "ü"])
async def test_a_cursor_that_is_not_ours_is_422(service: Service, cursor: str) -> None:
    answer = await service.http.get(PATH, params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_one_subscriber_has_its_configuration_and_its_health(service: Service) -> None:
    await service.add_subscriber()
    shown = (await service.http.get(f"{PATH}/my-webhook")).json()
    row = (await service.http.get(f"{PATH}/my-webhook/health")).json()
    rows = (await service.http.get(f"{PATH}/health")).json()
    assert shown["url"] == "https://example.com/"
    assert shown["health"] == row
    assert rows == {"data": [row], "next_cursor": None}
    assert (row["delivered"], row["failed"], row["success_rate"], row["status"]) == (3, 1, 75.0, "healthy")


async def test_a_change_leaves_the_rest_as_it_is(service: Service) -> None:
    await service.add_subscriber(types="im.incident.**", secret=SECRET)
    changed = await service.http.patch(f"{PATH}/my-webhook", json={"enabled": False, "url": "https://example.com/b"})
    assert changed.status_code == 200
    subscriber = changed.json()["subscriber"]
    assert (subscriber["enabled"], subscriber["url"]) == (False, "https://example.com/b")
    assert (subscriber["types"], subscriber["signed"]) == (["im.incident.**"], True)
    assert service.gateway.subscribers.overlap == timedelta(hours=24)
    assert service.gateway.subscribers.header_values is None


async def test_a_secret_is_rotated_and_dropped(service: Service) -> None:
    await service.add_subscriber(secret=SECRET)
    rotated = await service.http.patch(f"{PATH}/my-webhook", json={"generate_secret": True, "overlap_seconds": 60})
    assert rotated.json()["secret"] == GENERATED
    assert service.gateway.subscribers.overlap == timedelta(seconds=60)
    dropped = await service.http.patch(f"{PATH}/my-webhook", json={"drop_secret": True, "headers": {}})
    assert dropped.json()["subscriber"]["signed"] is False
    assert service.gateway.subscribers.header_values == {}


async def test_a_removed_subscriber_is_gone(service: Service) -> None:
    await service.add_subscriber()
    removed = await service.http.delete(f"{PATH}/my-webhook")
    assert (removed.status_code, removed.content) == (204, b"")
    for path in (f"{PATH}/my-webhook", f"{PATH}/my-webhook/health"):
        assert (await service.http.get(path)).json()["code"] == "subscriber_not_found"
    assert (await service.http.delete(f"{PATH}/my-webhook")).status_code == 404
    assert (await service.http.patch(f"{PATH}/my-webhook", json={})).status_code == 404


async def test_which_types_patterns_match(service: Service) -> None:
    query = "types=im.incident.declared.*,im.incident.*&types=im.incident.closed.v1"
    matched = (await service.http.get(f"{PATH}/match?{query}")).json()
    assert [row["type"] for row in matched["types"]] == ["im.incident.declared.v1", "im.incident.closed.v1"]
    assert len(matched["warnings"]) == 1
    refused = await service.http.get(f"{PATH}/match?types=a..b")
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "types")


async def test_secrets_and_header_values_are_in_no_answer_and_no_log(service: Service) -> None:
    bearer = "Bearer of-another-service"
    answers: list[httpx.Response] = []
    with structlog.testing.capture_logs() as logs:
        answers.append(await service.add_subscriber(secret=SECRET, headers={"Authorization": bearer}))
        answers.append(await service.add_subscriber(secret=SECRET, headers={"Authorization": bearer}))
        answers.append(await service.add_subscriber("b", secret=SECRET, headers={"Host": bearer}))
        for path in ("", "/my-webhook", "/health", "/my-webhook/health"):
            answers.append(await service.http.get(PATH + path))  # noqa: PERF401
        answers.append(await service.http.patch(f"{PATH}/my-webhook", json={"secret": SECRET}))
        service.gateway.breaks = RuntimeError("odd")
        answers.append(await service.add_subscriber("c", secret=SECRET, headers={"Authorization": bearer}))
    said = "".join(answer.text + str(answer.headers) for answer in answers) + json.dumps(logs, default=str)
    assert SECRET not in said
    assert bearer not in said


KEY = "0123456789abcdef0123456789abcdef"


async def test_an_alert_target_shows_its_scheme_alone(service: Service) -> None:
    added = await service.http.post(PATH, json={"name": "oncall", "notify": f"pagerduty://{KEY}"})
    assert added.status_code == 201
    subscriber = added.json()["subscriber"]
    assert (subscriber["target"], subscriber["url"]) == ("pagerduty", "pagerduty://…")
    assert (subscriber["schedule"], subscriber["max_attempts"], len(subscriber["types"])) == ("pager", 13, 4)
    replaced = await service.http.patch(f"{PATH}/oncall", json={"notify": f"pagerduty://{KEY[::-1]}"})
    assert replaced.status_code == 200
    assert KEY not in added.text + replaced.text


async def test_a_webhook_stays_a_webhook_and_a_target_one(service: Service) -> None:
    await service.add_subscriber()
    await service.http.post(PATH, json={"name": "oncall", "notify": f"pagerduty://{KEY}"})
    for name, change in (
        ("my-webhook", {"notify": f"pagerduty://{KEY}"}),
        ("oncall", {"url": "https://example.com/"}),
        ("oncall", {"secret": SECRET}),
        ("oncall", {"headers": {}}),
    ):
        refused = await service.http.patch(f"{PATH}/{name}", json=change)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
        assert KEY not in refused.text


@pytest.mark.parametrize("notify", [f"pagerduty://{KEY}x", f"https://example.com/{KEY}", f"twilio://{KEY}:a@b/c", KEY])
async def test_a_notify_url_that_is_refused_is_not_repeated(service: Service, notify: str) -> None:
    refused = await service.http.post(PATH, json={"name": "oncall", "notify": notify})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_notify")
    assert refused.json()["errors"][0]["pointer"] == "#/notify"
    assert KEY not in refused.text


async def test_a_test_event_is_answered_with_what_came_back(service: Service) -> None:
    assert (await service.http.post(f"{PATH}/none/test")).status_code == 404
    await service.add_subscriber()
    tried = await service.http.post(f"{PATH}/my-webhook/test")
    assert tried.status_code == 200
    assert (tried.json()["state"], tried.json()["delivery"]["attempts"][0]["status"]) == ("retrying", 500)


async def test_pausing_is_shown_with_its_reason_and_resuming_ends_it(service: Service) -> None:
    await service.add_subscriber()
    paused = await service.http.post(f"{PATH}/my-webhook/pause", json={"reason": "database\nmigration"})
    assert (paused.status_code, paused.json()["paused"]["reason"]) == (200, "database migration")
    again = await service.http.post(f"{PATH}/my-webhook/pause")
    assert again.json()["paused"]["reason"] == "database migration"
    resumed = await service.http.post(f"{PATH}/my-webhook/resume", json={"drop_older_than_seconds": 60})
    assert (resumed.json()["waiting"], resumed.json()["subscriber"]["paused"]) == (3, None)
    assert service.gateway.subscribers.dropped == timedelta(minutes=1)
    assert (await service.http.post(f"{PATH}/my-webhook/resume")).status_code == 200


async def test_what_cannot_be_paused_says_why(service: Service) -> None:
    await service.add_subscriber(enabled=False)
    disabled = await service.http.post(f"{PATH}/my-webhook/pause")
    assert (disabled.status_code, disabled.json()["code"]) == (409, "subscriber_disabled")
    assert (await service.http.post(f"{PATH}/nobody/pause")).status_code == 404
    assert (await service.http.post(f"{PATH}/my-webhook/pause", json={"reason": " "})).status_code == 422
    assert (await service.http.post(f"{PATH}/my-webhook/pause", json={"why": "x"})).status_code == 422
    assert (
        await service.http.post(f"{PATH}/my-webhook/resume", json={"drop_older_than_seconds": 0})
    ).status_code == 422


async def test_what_waits_is_not_given_up_unasked(service: Service) -> None:
    await service.add_subscriber()
    await service.http.post(f"{PATH}/my-webhook/pause")
    for refused in (
        await service.http.delete(f"{PATH}/my-webhook"),
        await service.http.patch(f"{PATH}/my-webhook", json={"enabled": False}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "deliveries_waiting")
        assert "added anew under this name" in refused.json()["hint"]
        assert "im subscriber resume my-webhook --wait" in refused.json()["hint"]
    assert (await service.http.patch(f"{PATH}/my-webhook", json={"url": "https://example.com/b"})).status_code == 200
    given_up = await service.http.patch(f"{PATH}/my-webhook", json={"enabled": False, "cancel_waiting": True})
    assert given_up.json()["subscriber"]["paused"] is None
    assert (await service.http.delete(f"{PATH}/my-webhook?cancel_waiting=true")).status_code == 204


async def test_waits_and_a_number_of_requests_that_contradict_each_other_are_422(service: Service) -> None:
    assert (await service.add_subscriber(schedule="5,60,600", max_attempts=9)).status_code == 201
    both = {"schedule": "5,60,600", "max_attempts": 2}
    for refused in (
        await service.add_subscriber("other", **both),
        await service.http.patch("/api/v1/subscribers/my-webhook", json=both),
    ):
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_schedule")
        assert refused.json()["errors"][0]["pointer"] == "#/max_attempts"
    changed = await service.http.patch("/api/v1/subscribers/my-webhook", json={"max_attempts": 2})
    assert (changed.status_code, changed.json()["subscriber"]["max_attempts"]) == (200, 2)
