"""Who may see the page and press its buttons."""

import re
from typing import get_args
from urllib.parse import urlencode

import pytest

from api.examples import RESENT
from api.page.access import PAGES
from api.page.login import MOST_ADDRESSES, Attempts
from domain.errors import SlowSearchError, TemporalUnavailableError
from domain.explanations import RunKind
from domain.pauses import Pause
from domain.rates import parse_rate
from tests.api.conftest import TOKEN, Serve, Service
from tests.api.stand_in import AT
from tests.support.elsewhere import ELSEWHERE

COOKIE = "im_session_8080"
EVENT = {"specversion": "1.0", "id": "e/1", "source": "/t", "type": "a.b.v1"}
SEEN = ("/", "/ui/events", "/ui/event?id=e/1", "/ui/incidents", "/ui/incident?id=INC-1", "/ui/subscriber?name=ops")
ACTIONS = ("/ui/event/resend", "/ui/subscriber/pause", "/ui/subscriber/resume", "/ui/subscriber/enable")
OURS = {"Sec-Fetch-Site": "same-origin"}


async def log_in(service: Service, token: str = TOKEN) -> str:
    """A session in the client's cookies; gives the token of its forms."""
    service.http.headers.pop("Authorization", None)
    answer = await service.http.post("/ui/login", data={"token": token, "next": "/"}, headers=OURS)
    assert answer.status_code == 303, answer.text
    page = await service.http.get("/")
    return found[1] if (found := re.search(r'name="form_token" value="([^"]+)"', page.text)) else ""


async def with_data(service: Service) -> None:
    await service.add_subscriber("ops")
    await service.http.post("/api/v1/events", json=EVENT, headers={"Content-Type": "application/cloudevents+json"})
    await service.http.post("/api/v1/incidents", json={"title": "t", "severity": "SEV-1", "actor": "me"})


async def test_without_a_session_every_page_leads_to_the_login_and_back(service: Service) -> None:
    for path in SEEN:
        answer = await service.http.get(path)  # a token in a header is for programs
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/ui/login?next=%2F")
    for path in (*ACTIONS, "/ui/nothing"):
        assert (await service.http.post(path)).status_code in {303, 405}


async def test_a_session_sees_what_its_token_may_read(service: Service) -> None:
    await with_data(service)
    await log_in(service, service.gateway.tokens.add("looker", "read"))
    for path in SEEN:
        assert (await service.http.get(path)).status_code == 200, path


async def test_the_pause_is_named_where_the_next_request_is(service: Service) -> None:
    await with_data(service)
    service.gateway.events.paused = {"my-webhook": Pause(at=AT, reason="a <move>")}
    told = (await service.http.get("/api/v1/events/e/1")).json()
    assert told["paused"]["my-webhook"]["reason"] == "a <move>"
    await log_in(service)
    page = await service.http.get("/ui/event?id=e/1")
    assert "The subscriber is paused (<bdi>a &lt;move&gt;</bdi>)" in page.text


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("subscriber=nobody", "No subscriber is named &#39;nobody&#39;"),
        ("incident=zz", "No incident &#39;zz&#39; is known"),
        ("subscriber=ops&incident=1", "No event is like that"),
        ("type=a.**", "No event is like that. What began"),
        ("type=im.incident.nope", "No event is like that: pattern &#39;im.incident.nope&#39; matches none"),
    ],
)
async def test_a_filter_names_what_is_not_there(service: Service, asked: str, says: str) -> None:
    await service.add_subscriber("ops")
    await service.http.post("/api/v1/incidents", json={"title": "t", "severity": "SEV-1", "actor": "me"})
    await log_in(service)
    page = await service.http.get(f"/ui/events?{asked}")
    assert says in page.text
    assert "nobody</option>" not in page.text


async def test_what_a_slow_temporal_does_not_tell_is_said_and_the_rest_is_shown(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(*_: object, **__: object) -> None:
        raise SlowSearchError(seconds=3)

    await with_data(service)
    gateway = service.gateway
    gateway.health.told = {"retrying": None, "waiting": None, "not_counted": "it is slow"}
    monkeypatch.setattr(gateway.events, "find", slow)
    monkeypatch.setattr(gateway.incidents, "find", slow)
    await log_in(service)
    pages = {path: await service.http.get(path) for path in ("/", "/ui/subscriber?name=ops")}
    assert [(each.status_code, each.text.count("Not listed: ")) for each in pages.values()] == [(200, 2), (200, 1)]
    assert "Of 1 of 1 it is not known how much waits, or since when: it is slow." in pages["/"].text
    assert "It is not known how much waits, or since when: it is slow." in pages["/ui/subscriber?name=ops"].text
    assert all("not counted</" in each.text for each in pages.values())


@pytest.mark.parametrize("kind", get_args(RunKind))
async def test_every_kind_of_delivery_is_explained(service: Service, kind: RunKind) -> None:
    await with_data(service)
    await log_in(service)
    service.gateway.events.kind = kind
    assert (await service.http.get("/ui/why?id=e/1&subscriber=my-webhook")).status_code == 200


async def test_the_filter_of_events_keeps_what_was_chosen(service: Service) -> None:
    await log_in(service)
    page = await service.http.get("/ui/events?undelivered=true")
    assert 'name="undelivered" value="true" checked' in page.text
    assert service.gateway.events.wanted
    assert (service.gateway.events.wanted.undelivered, service.gateway.events.wanted.failed) == (True, False)


async def test_the_cookie_is_for_this_site_alone_out_of_reach_of_scripts_and_not_the_token(service: Service) -> None:
    answer = await service.http.post("/ui/login", data={"token": TOKEN}, headers=OURS)
    said = answer.headers["set-cookie"]
    assert said.startswith(f"{COOKIE}=")
    assert TOKEN not in said
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"} <= set(said.split("; "))
    assert "Secure" not in said
    behind_tls = OURS | {"Origin": "https://im.example.com"}
    answer = await service.http.post("/ui/login", data={"token": TOKEN}, headers=behind_tls)
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("token", ["wrong", "im_damaged", "", "x" * 5000, "\u202e<b>"])
async def test_a_wrong_token_does_not_log_in_and_is_not_shown(service: Service, token: str) -> None:
    answer = await service.http.post("/ui/login", data={"token": token}, headers=OURS)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert not token or token not in answer.text


async def test_a_token_that_may_not_read_does_not_log_in(service: Service) -> None:
    token = service.gateway.tokens.add("publisher", "publish", "manage")
    answer = await service.http.post("/ui/login", data={"token": token}, headers=OURS)
    assert answer.status_code == 403
    assert "does not have the scope &#39;read&#39;" in answer.text


@pytest.mark.parametrize(("trusted", "counted"), [("", 429), ("127.0.0.1/32", 401)])
async def test_attempts_are_counted_by_what_a_trusted_proxy_says_alone(
    serve: Serve, trusted: str, counted: int
) -> None:
    service = await serve(im_trusted_proxies=trusted)
    for last in range(11):
        said = OURS | {"X-Forwarded-For": f"192.0.2.{last}"}
        answer = await service.http.post("/ui/login", data={"token": "wrong"}, headers=said)
    assert answer.status_code == counted


@pytest.mark.parametrize(
    ("form", "let_in"),
    [("192.0.2.{}", 30), ("192.0.2.7", 10), ("2001:db8:1:2::{}", 10), ("2001:db8:1:{}::1", 30), ("?", 10)],
)
def test_attempts_are_counted_by_ipv4_address_and_ipv6_network(form: str, let_in: int) -> None:
    attempts = Attempts()
    assert sum(attempts.take(form.format(number)) == 0 for number in range(30)) == let_in


def test_many_addresses_do_not_make_one_that_goes_on_trying_forgotten() -> None:
    attempts = Attempts()
    let_in = 0
    for number in range(3 * MOST_ADDRESSES):
        attempts.take(f"192.0.{number // 250}.{number % 250}")
        if number % 100 == 0:
            let_in += attempts.take("198.51.100.7") == 0
    assert let_in == 10


async def test_logins_that_succeed_do_not_count_as_attempts(service: Service) -> None:
    for _ in range(30):
        assert (await service.http.post("/ui/login", data={"token": TOKEN}, headers=OURS)).status_code == 303


async def test_too_many_attempts_to_log_in_are_429(service: Service) -> None:
    for _ in range(10):
        assert (await service.http.post("/ui/login", data={"token": "wrong"}, headers=OURS)).status_code == 401
    answer = await service.http.post("/ui/login", data={"token": TOKEN}, headers=OURS)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60


async def test_a_revoked_token_ends_its_sessions_at_once(service: Service) -> None:
    await log_in(service, service.gateway.tokens.add("leaver", "read"))
    service.gateway.tokens.revoke("leaver")
    answer = await service.http.get("/")
    assert answer.status_code == 303
    assert 'im_session_8080="";' in answer.headers["set-cookie"]


@pytest.mark.parametrize("cookie", ["", "nonsense", "sealed:v1:test-1:AAAA", "sealed:v1:other:AAAA"])
async def test_a_made_up_cookie_is_nobody(service: Service, cookie: str) -> None:
    answer = await service.http.get("/", headers={"Cookie": f"{COOKIE}={cookie}"})
    assert answer.status_code == 303


async def test_a_value_that_was_sealed_for_something_else_is_no_session(service: Service) -> None:
    from tests.support.builders import make_keyring

    sealed = make_keyring().seal('{"token": "x", "form_token": "", "ends_at": "2099-01-01T00:00:00Z"}', "other")
    assert (await service.http.get("/", headers={"Cookie": f'{COOKIE}="{sealed}"'})).status_code == 303


async def test_who_may_only_read_sees_no_buttons_and_is_refused_at_them(service: Service) -> None:
    await with_data(service)
    form_token = await log_in(service, service.gateway.tokens.add("looker", "read"))
    for path in SEEN:
        assert not set(re.findall(r'action="([^"]+)"', (await service.http.get(path)).text)) & set(ACTIONS)
    for path in ACTIONS:
        data = {"form_token": form_token, "id": "e/1", "name": "ops"}
        assert (await service.http.post(path, data=data, headers=OURS)).status_code == 403, path
    assert not service.gateway.events.resent


async def test_who_may_manage_resends(service: Service) -> None:
    await with_data(service)
    form_token = await log_in(service)
    data = {"form_token": form_token, "id": "e/1", "source": "/t", "subscriber": "ops"}
    answer = await service.http.post("/ui/event/resend", data=data, headers=OURS)
    assert answer.status_code == 303
    told = urlencode({"id": "e/1", "source": "/t", "done": "resent", "to": "ops", "resend": RESENT["workflow_id"]})
    assert answer.headers["location"] == f"/ui/event?{told}"
    assert service.gateway.events.resent == [("e/1", "ops")]


async def test_who_may_manage_enables_what_is_disabled(service: Service) -> None:
    await with_data(service)
    await service.add_subscriber("other")
    await service.gateway.subscribers.update("ops", enabled=False)
    await log_in(service, service.gateway.tokens.add("looker", "read"))
    shown = (await service.http.get("/ui/subscriber?name=ops")).text
    assert ("It is told of nothing until it is enabled." in shown, "/ui/subscriber/enable" in shown) == (True, False)
    service.http.cookies.clear()
    form_token = await log_in(service)
    assert "/ui/subscriber/enable" not in (await service.http.get("/ui/subscriber?name=other")).text
    shown = (await service.http.get("/ui/subscriber?name=ops")).text
    assert set(re.findall(r'action="(/ui/subscriber/[^"]+)"', shown)) == {"/ui/subscriber/enable"}
    data = {"form_token": form_token, "name": "ops"}
    answer = await service.http.post("/ui/subscriber/enable", data=data, headers=OURS)
    assert answer.headers["location"] == "/ui/subscriber?name=ops&done=enabled"
    assert (await service.gateway.subscribers.get("ops")).enabled
    missing = await service.http.post("/ui/subscriber/enable", data=data | {"name": "nobody"}, headers=OURS)
    assert missing.status_code == 404


async def test_what_there_is_to_know_of_a_resend_is_on_the_page_it_leads_to(service: Service) -> None:
    await with_data(service)
    await service.add_subscriber("my-webhook")
    await service.http.post("/api/v1/subscribers/my-webhook/pause", json={"reason": "move"})
    form_token = await log_in(service)
    pause = Pause(at=AT, reason="move")
    service.gateway.events.paused = {"my-webhook": pause}  # and so one is to be retried
    data = {"form_token": form_token, "id": "e/1", "source": "/t", "subscriber": "my-webhook"}
    answer = await service.http.post("/ui/event/resend", data=data, headers=OURS)
    shown = (await service.http.get(answer.headers["location"])).text
    assert "my-webhook is paused (move): this waits for the end of the pause" in shown
    assert "my-webhook has not been told by an earlier delivery, which goes on too (retrying)" in shown
    headers = {"Authorization": f"Bearer {TOKEN}"}
    over_rest = await service.http.post(
        "/api/v1/events/e%2F1/resend", json={"subscriber": "my-webhook"}, headers=headers
    )
    assert [warning in shown for warning in over_rest.json()["warnings"]] == [True, True]
    assert "which goes on too" not in (await service.http.get("/ui/event?id=e%2F1&done=resent")).text


@pytest.mark.parametrize(
    ("token", "headers"),
    [
        ("right", {"Sec-Fetch-Site": "cross-site"}),
        ("right", {"Sec-Fetch-Site": "same-site"}),
        ("right", {"Origin": "http://evil.example"}),
        ("right", {"Origin": "null"}),
        ("right", {}),
        ("wrong", OURS),
        ("", OURS),
    ],
)
async def test_a_form_of_another_site_or_session_is_refused(
    service: Service, token: str, headers: dict[str, str]
) -> None:
    await with_data(service)
    form_token = await log_in(service)
    data = {"form_token": form_token if token == "right" else token, "id": "e/1"}
    answer = await service.http.post("/ui/event/resend", data=data, headers=headers)
    assert answer.status_code == 403
    assert not service.gateway.events.resent


async def test_a_browser_that_tells_only_its_origin_is_believed_when_it_is_ours(service: Service) -> None:
    answer = await service.http.post("/ui/login", data={"token": TOKEN}, headers={"Origin": "http://127.0.0.1:8080"})
    assert answer.status_code == 303


@pytest.mark.parametrize("after", ELSEWHERE)
async def test_after_the_login_nobody_is_led_elsewhere(service: Service, after: str) -> None:
    answer = await service.http.post("/ui/login", data={"token": TOKEN, "next": after}, headers=OURS)
    assert answer.headers["location"] == "/"
    asked = await service.http.get("/ui/login", params={"next": after})  # by whoever has a session
    assert asked.headers["location"] == "/"


@pytest.mark.parametrize(
    "after", ["/", "/?a=b", "/ui/events?type=a.**&cursor=//x", "/ui/why?id=https%3A%2F%2Fe&x=/../y"]
)
async def test_after_the_login_the_page_is_shown_that_was_asked_for(service: Service, after: str) -> None:
    answer = await service.http.post("/ui/login", data={"token": TOKEN, "next": after}, headers=OURS)
    assert answer.headers["location"] == after


async def test_a_host_that_is_not_this_machine_gets_no_page(serve: Serve) -> None:
    for token in (TOKEN, None):
        service = await serve(token=token, base_url="http://evil.example:8080")
        for path in ("/", "/ui/login", "/ui/static/style.css"):
            assert (await service.http.get(path)).status_code == 421, path


async def test_without_any_token_configured_nobody_logs_in_and_another_origin_gets_nothing(serve: Serve) -> None:
    service = await serve(token=None)
    await with_data(service)
    assert "Log out" not in (await service.http.get("/")).text
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
        assert (await service.http.post("/ui/event/resend", data={"id": "e/1"}, headers=headers)).status_code == 403
    assert (await service.http.post("/ui/event/resend", data={"id": "e/1"}, headers=OURS)).status_code == 303


async def test_a_token_past_its_rate_is_told_when_to_come_back(service: Service) -> None:
    await log_in(service, service.gateway.tokens.add("slow", "read", rate=parse_rate("2/m")))
    assert (await service.http.get("/ui/static/style.css")).status_code == 200  # is none of its rate
    answer = await service.http.get("/ui/events")
    assert answer.status_code == 429
    assert "Try again in" in answer.text
    assert int(answer.headers["retry-after"]) > 1


async def test_every_page_is_in_the_table_of_scopes_and_the_other_way_round(service: Service) -> None:
    from fastapi.routing import iter_route_contexts

    from api.page.access import PageRoute

    routes = [each.original_route for each in iter_route_contexts(service.http._transport.app.routes)]  # type: ignore[attr-defined]
    assert {each.name for each in routes if isinstance(each, PageRoute)} == set(PAGES)


async def test_no_answer_may_run_load_or_frame_anything_foreign(service: Service) -> None:
    await with_data(service)
    await log_in(service)
    for path in (*SEEN, "/ui/nothing", "/ui/login?next=/"):
        answer = await service.http.get(path, follow_redirects=True)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r'(?:src|href|action)="(?!/|http://127\.0\.0\.1:8233/|#)', answer.text), path
        assert not re.search(r"<script(?![^>]*src=)| style=| on\w+=", answer.text), path


async def test_stylesheet_and_script_are_kept_until_they_change(service: Service) -> None:
    page = (await service.http.get("/ui/login")).text
    for url in re.findall(r'(?:src|href)="(/ui/static/[^"]+)"', page):
        answer = await service.http.get(url)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await service.http.get("/ui/static/..%2froutes.py")).status_code == 404


async def test_what_goes_wrong_is_a_page_that_says_what_to_do(service: Service) -> None:
    await log_in(service)
    for path, status, says in (
        ("/ui/event?id=nowhere", 404, "no event"),
        ("/ui/incident?id=INC-404", 404, "INC-404"),
        ("/ui/subscriber?name=nobody", 404, "nobody"),
        ("/ui/events?cursor=nonsense", 422, "cursor"),
        ("/ui/nothing", 404, "no such page"),
    ):
        answer = await service.http.get(path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert says in answer.text
    service.gateway.breaks = TemporalUnavailableError(address="here", namespace="default", reason="refused")
    away = await service.http.get("/ui/incidents")
    assert (away.status_code, away.headers["retry-after"]) == (503, "5")
    assert "does not answer" in away.text
    service.gateway.breaks = RuntimeError("a secret thing")
    broken = await service.http.get("/ui/event?id=other")
    assert broken.status_code == 500
    assert "a secret thing" not in broken.text
