"""Who gets in, and what is refused before a route sees it."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from api.app import create_app
from api.hosts import is_loopback
from api.middleware import OWN_DOORS, has_own_door
from tests.api.conftest import TOKEN, Serve, Service

SUBSCRIBERS = "/api/v1/subscribers"


async def test_the_right_token_is_let_in(service: Service) -> None:
    assert (await service.http.get(SUBSCRIBERS)).status_code == 200


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
async def test_the_scheme_is_read_in_any_case(service: Service, scheme: str) -> None:
    answer = await service.http.get(SUBSCRIBERS, headers={"Authorization": f"{scheme} {TOKEN}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"],
)
async def test_a_wrong_token_is_401(service: Service, value: str) -> None:
    answer = await service.http.get(SUBSCRIBERS, headers={"Authorization": value})
    assert answer.status_code == 401
    shown = value.startswith("Bearer ") and value != "Bearer "
    assert answer.headers["www-authenticate"] == ('Bearer error="invalid_token"' if shown else "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == ("invalid_token" if shown else "unauthorized")
    assert TOKEN not in answer.text


async def test_a_token_that_is_not_ascii_is_401(service: Service) -> None:
    answer = await service.http.get(SUBSCRIBERS, headers=[(b"Authorization", b"Bearer \xff\xfe")])
    assert answer.status_code == 401


async def test_a_missing_token_is_401_also_where_there_is_no_route(service: Service) -> None:
    del service.http.headers["Authorization"]
    for method, path in (("GET", SUBSCRIBERS), ("GET", "/api/v1/nothing"), ("OPTIONS", "/api/v1/events")):
        assert (await service.http.request(method, path)).status_code == 401, path


async def test_two_authorization_headers_are_401(service: Service) -> None:
    twice = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer other")]
    request = httpx.Request("GET", f"http://127.0.0.1:8080{SUBSCRIBERS}", headers=twice)
    assert (await service.http.send(request)).status_code == 401


async def test_probes_metrics_and_the_document_need_no_token(service: Service) -> None:
    del service.http.headers["Authorization"]
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
        assert (await service.http.get(path)).status_code == 200, path


def test_only_these_paths_have_a_door_of_their_own() -> None:
    assert sorted(OWN_DOORS) == ["/api/v1/camunda/alerts", "/api/v1/ping/", "/api/v1/zeebe/records"]
    for path in ("/api/v1/camunda/alerts", "/api/v1/zeebe/records", "/api/v1/ping/key", "/api/v1/ping/k.e-y_~1/fail"):
        assert has_own_door(path)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/ping",
        "/api/v1/ping/",
        "/api/v1/ping//events",
        "/api/v1/ping/../events",
        "/api/v1/ping/./events",
        "/api/v1/ping/key/..",
        "/api/v1/ping/key/../../events",
        "/api/v1/ping/.../events",
        "/api/v1/ping/%2e%2e/events",
        "/api/v1/ping/..%2fevents",
        "/api/v1/ping/%252e%252e/events",
        "/api/v1/ping/..\\events",
        "/api/v1/ping/..;/events",
        "/api/v1/ping/key\n",
        "/api/v1/ping/key\x00",
        "/api/v1/ping/é",
        "//api/v1/ping/key",
        "/api/v1//ping/key",
        "/API/v1/ping/key",
        "/api/v1/pinged",
        "/api/v1/zeebe/records/",
        "/api/v1/zeebe/records/..",
        "/api/v1/zeebe//records",
        "/api/v1/zeebe/records;x",
        "/api/v1/zeebe/records\n",
        "/x/api/v1/zeebe/records",
        "api/v1/zeebe/records",
        "",
    ],
)
def test_a_path_that_could_be_read_as_another_has_no_door(path: str) -> None:
    assert not has_own_door(path)


@pytest.mark.parametrize(
    "path",
    [
        b"/api/v1/ping/../events",
        b"/api/v1/ping/%2e%2e/events",
        b"/api/v1/ping/..%2fevents",
        b"/api/v1/ping/%2e%2e%2fsubscribers",
        b"/api/v1/ping//subscribers",
        b"/api/v1/ping/x/%2e%2e/%2e%2e/subscribers",
        b"/api/v1/zeebe/records/%2e%2e/clusters",
        b"/api/v1/zeebe/records%2f..%2fclusters",
    ],
)
async def test_no_detour_through_a_door_gets_past_the_token(service: Service, path: bytes) -> None:
    del service.http.headers["Authorization"]
    for method in ("GET", "POST"):
        request = service.http.build_request(method, "/")
        request.url = request.url.copy_with(raw_path=path)
        answer = await service.http.send(request)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


async def test_without_the_token_a_body_is_not_read(service: Service) -> None:
    async def body() -> AsyncIterator[bytes]:
        pytest.fail("the body was asked for")
        yield b""

    headers = {"Authorization": "Bearer wrong"}
    assert (await service.http.post(SUBSCRIBERS, content=body(), headers=headers)).status_code == 401


async def test_without_any_token_configured_loopback_is_let_in(serve: Serve) -> None:
    service = await serve(token=None)
    assert (await service.http.get(SUBSCRIBERS)).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "10.0.0.1", ""]
)
async def test_without_any_token_configured_another_host_name_is_refused(serve: Serve, host: str) -> None:
    service = await serve(token=None)
    for path in (SUBSCRIBERS, "/metrics", "/healthz"):
        answer = await service.http.get(path, headers={"Host": host})
        assert (answer.status_code, answer.json()["code"]) == (421, "misdirected_request")


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/openapi.json"])
async def test_no_page_reads_open_paths_by_a_name_of_its_own(service: Service, path: str) -> None:
    del service.http.headers["Authorization"]
    rebound = await service.http.get(path, headers={"Host": "evil.example:8080"})
    assert (rebound.status_code, rebound.json()["code"]) == (421, "misdirected_request")
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):  # a script can set any of them
        claimed = await service.http.get(path, headers={"Host": "evil.example:8080", header: "192.0.2.7"})
        assert claimed.status_code == 421, header
    assert (await service.http.get(path, headers={"Host": "localhost:8080"})).status_code == 200


async def test_a_proxy_on_this_machine_passes_on_the_names_that_were_declared(serve: Serve) -> None:
    service = await serve(im_api_hostnames="im.example.com", im_trusted_proxies="127.0.0.0/8")
    del service.http.headers["Authorization"]
    for host, status in (("IM.example.com:443", 200), ("127.0.0.1:8080", 200), ("evil.example", 421)):
        forwarded = {"Host": host, "X-Forwarded-For": "192.0.2.7"}
        assert (await service.http.get("/healthz", headers=forwarded)).status_code == status, host


async def test_probes_from_other_machines_may_use_any_name(service: Service) -> None:
    transport = httpx.ASGITransport(create_app(service.backend), client=("10.1.2.3", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://10.1.2.4:8080") as http:
        assert (await http.get("/healthz")).status_code == 200


async def test_a_name_of_ones_own_does_not_matter_with_the_token(service: Service) -> None:
    assert (await service.http.get(SUBSCRIBERS, headers={"Host": "im.example.com"})).status_code == 200


async def test_a_preflight_is_not_granted(service: Service) -> None:
    asks = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for token in ({}, {"Authorization": ""}):
        answer = await service.http.options("/api/v1/events", headers=asks | token)
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:3000"])
async def test_without_any_token_configured_another_origin_is_refused(serve: Serve, origin: str) -> None:
    service = await serve(token=None)
    answer = await service.http.post("/api/v1/events/evt_1/resend", headers={"Origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    same = await service.http.get(SUBSCRIBERS, headers={"Origin": "http://127.0.0.1:8080"})
    assert same.status_code == 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST:8080", True),
        ("127.0.0.1:8080", True),
        ("127.9.9.9", True),
        ("[::1]:8080", True),
        ("localhost.", False),
        ("0.0.0.0:8080", False),
        ("2130706433", False),
        ("localhost:", True),
        ("user@localhost.example", False),
        *((f"{before}localhost{after}", False) for before, after in (("a@", ""), (":@", ""), ("evil.example@", ":80"))),
        *(
            (f"localhost{after}", False)
            for after in ("/", "?x", "#x", "\\x", " ", "\t", ":x", ":8080:1", ",x", "%2e", "\n")
        ),
        ("local\thost", False),
        ("[::1]x", False),
        ("[::1%25lo]", False),
        ("[localhost]", False),
        ("[127.0.0.1]", False),
        ("::1", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_which_host_headers_name_this_machine(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected


async def test_no_answer_allows_another_origin_and_none_is_stored(service: Service) -> None:
    for path in (SUBSCRIBERS, "/healthz", "/api/v1/nothing"):
        answer = await service.http.get(path, headers={"Origin": "https://evil.example"})
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_past_64_kib_is_413(service: Service, *, chunked: bool) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 4096
            yield b" " * 4096

    answer = await service.http.post(
        SUBSCRIBERS, content=body() if chunked else b" " * 65537, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert sent <= 65536 + 4096


async def test_a_body_that_does_not_end_is_408(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.body_limit.BODY_SECONDS", 0.05)

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)
        yield b"}"

    answer = await service.http.post(SUBSCRIBERS, content=body())
    assert (answer.status_code, answer.json()["code"]) == (408, "request_timeout")
