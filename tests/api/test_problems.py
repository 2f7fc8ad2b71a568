"""Every error is an RFC 9457 problem, and none tells a secret."""

from typing import Any

import httpx
import pytest
import structlog
from pydantic import BaseModel

from api.problems import STATUSES, status_of
from domain.errors import ImError, InvalidNameError
from tests.api.conftest import Service
from tests.api.stand_in import every_error

SECRET = "hunter2-hunter2-hunter2"
DATA: dict[str, Any] = dict.fromkeys(
    (
        "reason name host pattern header size limit event_id source action incident_id status allowed fix namespace "
        "command address queue seconds waiting sources scheme what subscribers alarm_id member scope rate "
        "alarm_type resource_type resource_id replay_id kept made_on type did other count told"
    ).split(),
    "told",
)


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert answer.status_code == problem["status"] == status
    assert (problem["code"], problem["type"]) == (code, f"urn:im:problem:{code}")
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"].startswith("/")
    return problem


@pytest.mark.parametrize("kind", every_error()[1:], ids=lambda kind: kind.__name__)
async def test_every_error_of_the_product_is_a_problem(service: Service, kind: type[ImError]) -> None:
    service.gateway.breaks = error = kind(**DATA)
    answer = await service.http.get("/api/v1/subscribers")
    problem = assert_problem(answer, status_of(error), kind.code)
    assert problem["detail"] == str(error)
    assert problem.get("hint", "") == error.advice
    assert ("retry-after" in answer.headers) == (status_of(error) in {429, 503})


def test_every_error_has_a_status() -> None:
    assert all(issubclass(kind, tuple(STATUSES)) for kind in every_error()[1:])


async def test_an_unknown_path_is_a_problem(service: Service) -> None:
    assert_problem(await service.http.get("/api/v1/nothing"), 404, "not_found")


async def test_a_wrong_method_is_a_problem_with_allow(service: Service) -> None:
    answer = await service.http.put("/api/v1/incidents")
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"]


async def test_a_body_that_is_not_json_is_a_problem(service: Service) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await service.http.post("/api/v1/subscribers", content=f'{{"secret": "{SECRET}"', headers=headers)
    assert_problem(answer, 422, "invalid_request")
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("[" * 30000 + "]" * 30000, "nested deeper than 64"),
        ('{"a":' * 65 + "1" + "}" * 65, "nested deeper than 64"),
        ('{"name": "a", "url": "https://a.example/", "name": "b"}', "the same key twice"),
        ('{"name": "a", "url": "https://a.example/", "headers": {"A": "1", "A": "2"}}', "the same key twice"),
        ('{"name": NaN}', "NaN is not JSON"),
        ('{"name": -Infinity}', "-Infinity is not JSON"),
        ('{"name": 1e999}', "too large"),
        ('{"name": "\\ud800"}', "half of a surrogate pair"),
        (b'{"name": "\xff"}', "not JSON in UTF-8"),
        (b"\xfe\xff\x00{\x00}", "not JSON in UTF-8"),
        ("{'name': 1}", "not JSON in UTF-8"),
    ],
)
async def test_json_that_readers_could_take_for_different_things_is_refused(
    service: Service, body: str | bytes, word: str
) -> None:
    answer = await service.http.post("/api/v1/subscribers", content=body, headers={"Content-Type": "application/json"})
    problem = assert_problem(answer, 422, "invalid_request")
    assert word in problem["detail"]
    assert problem["errors"][0]["pointer"] == "#"
    assert not service.gateway.subscribers.known


async def test_a_member_of_a_body_that_is_no_list_or_object_is_answered_with_how_one_is_written(
    service: Service,
) -> None:
    body = {"name": "a", "url": "https://example.com", "types": 1, "headers": SECRET, "severity": ["SEV-1"]}
    problem = assert_problem(await service.http.post("/api/v1/subscribers", json=body), 422, "invalid_request")
    assert {fault["pointer"]: fault["detail"] for fault in problem["errors"]} == {
        "#/types": 'it is not a list; write ["one", "another"], or ["one"]',
        "#/headers": 'it is not an object; write {"name": "value"}',
        "#/severity": "there is no such member; did you mean severities?",
    }


@pytest.mark.parametrize(
    ("route", "body", "says"),
    [
        ("/subscribers", {"name": "a", "notfy": SECRET}, "#/notfy: there is no such member; did you mean notify?"),
        ("/subscribers", {"name": "a", "rate": SECRET}, "#/rate: there is no such member; did you mean rate_limit?"),
        ("/subscribers", {"name": "a", "sms": SECRET}, "#/sms: there is no such member; see how it is spelt"),
        ("/events/a/resend", {"subscribr": "a"}, "#/subscribr: there is no such member; did you mean subscriber?"),
        (
            "/alarms",
            {"impacted_resources": {"db": {"titel": SECRET}}},
            "#/impacted_resources/db/titel: there is no such member; did you mean title?",
        ),
    ],
)
async def test_a_misspelt_member_is_answered_with_the_one_that_was_meant(
    service: Service, route: str, body: Any, says: str
) -> None:
    problem = assert_problem(await service.http.post(f"/api/v1{route}", json=body), 422, "invalid_request")
    assert says in problem["detail"]
    assert SECRET not in str(problem)


async def test_a_body_of_misspelt_members_is_not_compared_to_its_end(service: Service) -> None:
    body = {"name": "a", "url": "https://example.com"} | {f"severitie{number}": 1 for number in range(2000)}
    problem = assert_problem(await service.http.post("/api/v1/subscribers", json=body), 422, "invalid_request")
    assert [fault["detail"].endswith("severities?") for fault in problem["errors"]] == [True] * 10 + [False] * 1990


async def test_a_body_not_declared_as_json_is_415(service: Service) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await service.http.post("/api/v1/subscribers", content=f'{{"secret": "{SECRET}"}}', headers=headers)
    assert_problem(answer, 415, "unsupported_media_type")
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "a", "url": "https://example.com", "secret": [SECRET]}, "#/secret"),
        ({"name": "a", "url": "https://example.com", "secret": {"value": SECRET}}, "#/secret"),
        ({"name": "a", "url": "https://example.com", "headers": {"X-Key": [SECRET]}}, "#/headers/X-Key"),
        ({"name": "a", "url": "https://example.com", "headers": SECRET}, "#/headers"),
        ({"name": "a", "url": "https://example.com", "sekret": SECRET}, "#/sekret"),
        ({"name": "a", "secret": SECRET}, "#/url"),
        ({"name": "a", "url": "https://example.com", "notify": f"pover://{SECRET}"}, "#/url"),
        ({"name": "a", "url": "https://example.com", "max_attempts": SECRET}, "#/max_attempts"),
        ({"name": "a", "url": "https://example.com", "types": [{"a": SECRET}]}, "#/types/0"),
        ({"name": "a", "url": "https://example.com", "types": []}, "#/types"),
        ([SECRET], "#"),
    ],
)
async def test_a_refused_value_is_named_and_not_repeated(service: Service, body: Any, pointer: str) -> None:
    answer = await service.http.post("/api/v1/subscribers", json=body)
    problem = assert_problem(answer, 422, "invalid_request")
    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]
    assert all(fault["detail"] for fault in problem["errors"])
    assert SECRET not in answer.text


async def test_a_refused_parameter_is_named(service: Service) -> None:
    problem = assert_problem(await service.http.get("/api/v1/subscribers?limit=0"), 422, "invalid_request")
    assert [fault["parameter"] for fault in problem["errors"]] == ["limit"]


async def test_a_refused_field_of_the_domain_is_pointed_at(service: Service) -> None:
    answer = await service.add_subscriber(types="im.inc*")
    problem = assert_problem(answer, 422, "invalid_pattern")
    assert [fault["pointer"] for fault in problem["errors"]] == ["#/types"]


async def test_a_secret_that_is_refused_is_not_repeated(service: Service) -> None:
    answer = await service.add_subscriber(secret="short")
    assert_problem(answer, 422, "invalid_secret")
    assert "'short'" not in answer.text


async def test_what_nobody_foresaw_is_500_without_insides(service: Service) -> None:
    service.gateway.breaks = RuntimeError(f"at /opt/im/service.py with {SECRET}")
    answer = await service.http.get("/api/v1/subscribers")
    problem = assert_problem(answer, 500, "internal_server_error")
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text
    assert "im logs" in problem["hint"]


async def test_what_nobody_foresaw_is_logged_with_its_place(service: Service) -> None:
    service.gateway.breaks = RuntimeError("odd")
    with structlog.testing.capture_logs() as logs:
        await service.http.get("/api/v1/subscribers")
    assert [(entry["log_level"], entry["kind"], entry["error"]) for entry in logs] == [("error", "RuntimeError", "odd")]
    assert "stand_in.py" in logs[0]["exception"]


async def test_a_validation_error_is_logged_without_its_input(service: Service) -> None:
    class Strict(BaseModel):
        secret: int

    with pytest.raises(ValueError, match=SECRET) as caught:
        Strict.model_validate({"secret": SECRET})
    service.gateway.breaks = caught.value
    with structlog.testing.capture_logs() as logs:
        answer = await service.http.get("/api/v1/subscribers")
    assert answer.status_code == 500
    assert SECRET not in str(logs)


@pytest.mark.parametrize(
    ("method", "path", "body", "place"),
    [
        ("GET", "events/stream?type=a..b", None, {"parameter": "type"}),
        ("GET", "subscribers/match?types=a..b", None, {"parameter": "types"}),
        ("GET", "events?since=yesterday", None, {"parameter": "since"}),
        ("POST", "replays", {"to": "a", "since": "yesterday"}, {"pointer": "#/since"}),
        ("POST", "replays", {"to": "a", "rate": "often"}, {"pointer": "#/rate"}),
        ("PATCH", "subscribers/my-webhook", {"severities": "SEV-9"}, {"pointer": "#/severities"}),
        ("POST", "subscribers", {"name": "a", "hostname": "a/b"}, {"pointer": "#/hostname"}),
        ("POST", "subscribers", {"name": "a", "hostname": "10.0.0.1"}, {"pointer": "#/hostname"}),
        ("POST", "subscribers", {"name": "a", "url": "https://10.0.0.1/"}, {"pointer": "#/url"}),
        ("PATCH", "subscribers/my-webhook", {"port": 22}, {"pointer": "#/port"}),
        ("POST", "http-clients", {"name": "a", "token_url": "https://10.0.0.1/"}, {"pointer": "#/token_url"}),
        ("POST", "http-clients", {"name": "a", "token_url": "nowhere"}, {"pointer": "#/token_url"}),
        ("POST", "http-clients", {"name": "a", "proxy": "http://10.0.0.1:3128"}, {"pointer": "#/proxy"}),
        ("POST", "http-clients", {"name": "a", "trust": "nonsense"}, {"pointer": "#/trust"}),
    ],
)
async def test_what_is_refused_is_named_as_the_caller_named_it(
    service: Service, method: str, path: str, body: dict[str, Any] | None, place: dict[str, str]
) -> None:
    await service.add_subscriber()
    answer = await service.http.request(method, f"/api/v1/{path}", json=body)
    assert answer.status_code == 422
    assert [{name: fault[name] for name in fault if name != "detail"} for fault in answer.json()["errors"]] == [place]


async def test_a_refused_name_of_the_path_is_a_parameter_and_no_member_of_the_body(service: Service) -> None:
    service.gateway.breaks = InvalidNameError(name="a b", reason="it has other characters")
    answer = await service.http.patch("/api/v1/http-clients/a%20b", json={"scope": "a"})
    assert assert_problem(answer, 422, "invalid_name")["errors"][0]["parameter"] == "name"
