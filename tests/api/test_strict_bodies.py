"""A number and a truth value of a body are written as such: nothing is made of what was probably meant otherwise."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest

from api.alarm_examples import RAISE_ALARM
from api.app import described
from api.bodies import Body
from api.operation_examples import CONFIGURATION
from domain.kinds import kinds
from tests.api.conftest import Service
from tests.api.test_problems import assert_problem

SECRET = "hunter2-hunter2-hunter2"
WEBHOOK = {"name": "a", "url": "https://example.com"}
STRING = "a string is not a whole number; write one without quotes, such as 30"
FLAG = "a string is neither true nor false; write true or false without quotes"


@pytest.mark.parametrize(
    ("route", "body", "member", "said"),
    [
        ("heartbeats", {"name": "a", "every_seconds": True}, "every_seconds", "true is not a whole number"),
        ("heartbeats", {"name": "a", "every_seconds": "60"}, "every_seconds", STRING),
        ("heartbeats", {"name": "a", "every_seconds": None}, "every_seconds", "null is not a whole number"),
        ("subscribers", WEBHOOK | {"max_attempts": True}, "max_attempts", "true is not a whole number"),
        ("subscribers", WEBHOOK | {"max_attempts": "7"}, "max_attempts", STRING),
        ("subscribers", WEBHOOK | {"max_attempts": 0}, "max_attempts", "it is less than 1"),
        ("subscribers", WEBHOOK | {"max_attempts": 1.5}, "max_attempts", "it is not a whole number"),
        ("subscribers", WEBHOOK | {"pause_after_seconds": "5d"}, "pause_after_seconds", STRING),
        ("subscribers", WEBHOOK | {"pause_after_seconds": SECRET}, "pause_after_seconds", STRING),
        ("subscribers", WEBHOOK | {"enabled": "off"}, "enabled", FLAG),
        ("subscribers", WEBHOOK | {"enabled": "yes"}, "enabled", FLAG),
        ("subscribers", WEBHOOK | {"enabled": 1}, "enabled", "a number is neither true nor false"),
        ("subscribers", WEBHOOK | {"enabled": None}, "enabled", "null is neither true nor false"),
        ("subscribers", WEBHOOK | {"types": []}, "types", "it is empty; leave it out, or give one"),
        ("subscribers", WEBHOOK | {"types": [1]}, "types/0", "a number is not a string; write it in quotes"),
        ("subscribers", WEBHOOK | {"secret": [SECRET]}, "secret", "a list is not a string"),
        ("http-clients", {"name": "a", "connect_seconds": True}, "connect_seconds", "true is not a number"),
        (
            "http-clients",
            {"name": "a", "total_seconds": "5"},
            "total_seconds",
            "a string is not a number; write one without quotes, such as 2.5",
        ),
        ("http-clients", {"name": "a", "password": ""}, "password", "it is empty; leave it out, or give one"),
        ("replays", {"to": "a", "failed_only": "true"}, "failed_only", FLAG),
        *(
            ("alarms", RAISE_ALARM | {"last_updated": given}, "last_updated", "it is not a time; write one as 2026-")
            for given in (1766759400, 1766759400000, 1766759400.5, "1766759400", True)
        ),
        ("configuration", CONFIGURATION | {"format_version": True}, "format_version", "true is not a whole number"),
        ("incidents", {"title": "a", "severity": "SEV-9"}, "severity", "it is none of 'SEV-1', 'SEV-2', "),
    ],
)
async def test_what_is_of_another_kind_is_refused_where_it_is_and_not_repeated(
    service: Service, route: str, body: dict[str, Any], member: str, said: str
) -> None:
    problem = assert_problem(await service.http.post(f"/api/v1/{route}", json=body), 422, "invalid_request")
    (fault,) = problem["errors"]
    assert fault["pointer"] == f"#/{member}"
    assert fault["detail"].startswith(said)
    assert SECRET not in str(problem)
    assert not service.gateway.subscribers.known


async def test_what_is_changed_is_held_to_the_same(service: Service) -> None:
    await service.add_subscriber()
    answer = await service.http.patch("/api/v1/subscribers/my-webhook", json={"enabled": "false"})
    assert assert_problem(answer, 422, "invalid_request")["detail"] == f"#/enabled: {FLAG}"


async def test_what_a_schema_promises_is_taken(service: Service) -> None:
    beat = {"name": "a", "every_seconds": 60.0, "severity": "SEV-2"}
    assert (await service.http.post("/api/v1/heartbeats", json=beat)).status_code == 201
    client = {"name": "a", "user": "a", "password": "a-password", "total_seconds": 5}
    assert (await service.http.post("/api/v1/http-clients", json=client)).status_code == 201
    added = await service.add_subscriber(rate_limit=10, types="a.b,c.d", max_attempts=None, enabled=False)
    assert added.status_code == 201, added.text
    alarm = {"alarm_type": "a", "resource_type": "b", "resource_id": "c", "severity": "MAJOR"}
    raised = await service.http.post("/api/v1/alarms", json=alarm | {"last_updated": "2026-01-31T12:00:00Z"})
    assert raised.status_code < 300, raised.text


def _bodies(kind: type[Body] = Body) -> Iterator[type[Body]]:
    for each in kind.__subclasses__():
        yield each
        yield from _bodies(each)


def _inside(annotation: Any) -> Iterator[Any]:
    for part in get_args(annotation):
        yield part
        yield from _inside(part)


def test_no_body_has_numbers_where_they_are_not_looked_at() -> None:
    described()
    for body in _bodies():
        for name, field in body.model_fields.items():
            found = list(kinds(field.annotation))
            assert not {int, float, bool} & {part for kind in found for part in _inside(kind)}, (body, name)
            assert not {int, float, bool} & set(found) or str not in found, (body, name)
