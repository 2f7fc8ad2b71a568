"""Heartbeats over HTTP: managing them, and the doors by which beats come in."""

from typing import Any

import httpx
import pytest

from domain.errors import TemporalUnavailableError
from domain.heartbeats import BeatKind
from tests.api.conftest import Serve, Service

PATH = "/api/v1/heartbeats"
NEW = {"name": "backup", "every_seconds": 60}
AWAY = TemporalUnavailableError(address="localhost:7233", namespace="default", reason="connection refused")


async def add(service: Service, **parts: Any) -> httpx.Response:
    return await service.http.post(PATH, json=NEW | parts)


@pytest.fixture
async def path(service: Service) -> str:
    """The ping path of a heartbeat, asked for without a token from here on."""
    found: str = (await add(service)).json()["ping_path"]
    del service.http.headers["Authorization"]
    return found


async def test_adding_is_201_with_location_and_the_ping_path_once(service: Service) -> None:
    answer = await add(service, ping_url="https://hc-ping.com/secret-uuid", severity="SEV-2")
    assert (answer.status_code, answer.headers["location"]) == (201, f"{PATH}/backup")
    body = answer.json()
    assert body["ping_path"].startswith("/api/v1/ping/")
    shown = (await service.http.get(f"{PATH}/backup")).json()
    assert shown == body["heartbeat"]
    assert (shown["status"], shown["severity"], shown["grace_seconds"]) == ("new", "SEV-2", 30)
    assert shown["ping_url"] == "https://hc-ping.com/…"
    assert "ping_path" not in shown


OUT_OF_RANGE: list[dict[str, Any]] = [
    {"every_seconds": 0},
    {"every_seconds": 367 * 86400},
    {"grace_seconds": -1},
    {"severity": "SEV-9"},
]


@pytest.mark.parametrize(
    "parts",
    [
        *OUT_OF_RANGE,
        {"name": "a/b"},
        {"key": "mine"},
    ],
)
async def test_what_is_no_heartbeat_is_422(service: Service, parts: dict[str, Any]) -> None:
    assert (await add(service, **parts)).status_code == 422


async def test_what_is_not_given_stays(service: Service) -> None:
    before = (await add(service, ping_url="https://hc-ping.com/secret-uuid")).json()["heartbeat"]
    answer = await service.http.patch(f"{PATH}/backup", json={"grace_seconds": 0, "severity": "SEV-3"})
    changed = answer.json()
    assert changed["updated_at"] > before["updated_at"]
    want = before | {"grace_seconds": 0, "severity": "SEV-3", "updated_at": changed["updated_at"]}
    assert (answer.status_code, changed) == (200, want)
    assert (await service.http.patch(f"{PATH}/backup", json={})).json() == want
    assert (await service.http.patch(f"{PATH}/backup", json={"ping_url": ""})).json()["ping_url"] is None


@pytest.mark.parametrize(
    "parts",
    [
        *OUT_OF_RANGE,
        {"cluster": "prod"},
        {"zeebe_process": "canary"},
        {"name": "other"},
        {"key": "mine"},
    ],
)
async def test_a_change_that_cannot_be_is_422(service: Service, parts: dict[str, Any]) -> None:
    before = (await add(service)).json()["heartbeat"]
    assert (await service.http.patch(f"{PATH}/backup", json=parts)).status_code == 422
    assert (await service.http.get(f"{PATH}/backup")).json() == before


async def test_a_name_that_is_taken_is_409(service: Service) -> None:
    await add(service)
    assert (await add(service)).json()["code"] == "heartbeat_exists"


async def test_heartbeats_are_listed_in_pages_by_name(service: Service) -> None:
    for name in "bac":
        await add(service, name=name)
    first = await service.http.get(f"{PATH}?limit=2")
    assert [row["name"] for row in first.json()["data"]] == ["a", "b"]
    rest = await service.http.get(first.headers["link"].partition(";")[0].strip("<>"))
    assert [row["name"] for row in rest.json()["data"]] == ["c"]


async def test_one_is_paused_resumed_and_removed(service: Service) -> None:
    await add(service)
    assert (await service.http.post(f"{PATH}/backup/pause")).json()["status"] == "paused"
    assert (await service.http.post(f"{PATH}/backup/resume")).json()["status"] == "new"
    assert (await service.http.delete(f"{PATH}/backup")).status_code == 204
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("PATCH", ""),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", ""),
    ):
        body: dict[str, str] | None = {} if method == "PATCH" else None
        answer = await service.http.request(method, f"{PATH}/backup{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "heartbeat_not_found")


@pytest.mark.parametrize(
    ("method", "end", "kind"),
    [
        ("POST", "", BeatKind.SUCCESS),
        ("HEAD", "", BeatKind.SUCCESS),
        ("POST", "/beat", BeatKind.SUCCESS),
        ("GET", "/0", BeatKind.SUCCESS),
        ("POST", "/start", BeatKind.START),
        ("HEAD", "/fail", BeatKind.FAIL),
        ("GET", "/log", BeatKind.LOG),
        ("POST", "/3", BeatKind.FAIL),
    ],
)
async def test_a_beat_by_name(service: Service, method: str, end: str, kind: BeatKind) -> None:
    await add(service)
    answer = await service.http.request(method, f"{PATH}/backup{end}")
    assert (answer.status_code, answer.text) == (200, "" if method == "HEAD" else "OK")
    assert service.gateway.heartbeats.taken[0][:2] == ("backup", kind)


async def test_a_plain_get_by_name_shows_and_is_no_beat(service: Service) -> None:
    await add(service)
    assert (await service.http.get(f"{PATH}/backup")).json()["name"] == "backup"
    assert service.gateway.heartbeats.taken == []


async def test_a_beat_by_name_needs_the_token(service: Service, path: str) -> None:
    for method, end in (("POST", ""), ("HEAD", ""), ("GET", "/fail")):
        assert (await service.http.request(method, f"{PATH}/backup{end}")).status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize(
    ("end", "kind"),
    [("", BeatKind.SUCCESS), ("/start", BeatKind.START), ("/fail", BeatKind.FAIL), ("/1", BeatKind.FAIL)],
)
async def test_a_ping_needs_its_key_alone(service: Service, path: str, method: str, end: str, kind: BeatKind) -> None:
    answer = await service.http.request(method, f"{path}{end}?rid=0b9e4b8e-6a1f-4d7a-9d5a-6f0f2b1c3d4e")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert answer.text == ("" if method == "HEAD" else "OK")
    assert service.gateway.heartbeats.taken[0][:2] == ("backup", kind)


async def test_a_slash_behind_the_ping_url_and_a_long_log_cost_no_beat(service: Service, path: str) -> None:
    assert (await service.http.post(path + "/", content=b"all well")).status_code == 200
    assert (await service.http.post(path, content=b"x" * 200_000)).status_code == 200
    (first, second) = service.gateway.heartbeats.taken
    assert (first[2], second[2]) == ("all well", "x" * 200)


async def test_an_unknown_key_is_404_as_text(service: Service, path: str) -> None:
    for end in ("x", "/fail", "x/start"):
        answer = await service.http.get("/api/v1/ping/nobodys" + end)
        assert (answer.status_code, answer.text) == (404, "not found")
    assert service.gateway.heartbeats.taken == []


@pytest.mark.parametrize("end", ["/256", "/success", "/%2e%2e", "/start/more", "//"])
async def test_a_ping_with_another_word_is_refused(service: Service, path: str, end: str) -> None:
    assert (await service.http.get(path + end)).status_code in {401, 404, 422}
    assert service.gateway.heartbeats.taken == []


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "application/x-www-form-urlencoded", "x"])
async def test_a_body_of_any_type_is_kept_as_a_short_note(service: Service, path: str, content_type: str) -> None:
    body = b'{"not": json\n' + b"x" * 20_000
    answer = await service.http.post(f"{path}/2", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 200
    note = service.gateway.heartbeats.taken[0][2] or ""
    assert note.startswith('exit status 2: {"not": json xxx')
    assert len(note) == 200


async def test_while_temporal_is_away_a_ping_is_503_with_retry_after_and_without_its_key_in_the_log(
    service: Service, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    service.gateway.breaks = AWAY
    answer = await service.http.get(path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert path.rpartition("/")[2] not in capsys.readouterr().out


async def test_without_any_token_configured_a_page_elsewhere_cannot_beat(serve: Serve) -> None:
    service = await serve(token=None)
    await add(service)
    for site, status in (("cross-site", 403), ("same-site", 403), ("none", 200), ("same-origin", 200)):
        answer = await service.http.get(f"{PATH}/backup/fail", headers={"Sec-Fetch-Site": site})
        assert answer.status_code == status, site


async def test_records_that_are_refused_while_temporal_is_away_are_known_to_the_door(service: Service) -> None:
    before = service.gateway.door.clear_since
    assert (await service.http.post("/api/v1/zeebe/records", content=b"{}")).status_code == 401
    assert service.gateway.door.clear_since == before
    service.gateway.breaks = AWAY
    assert (await service.http.post("/api/v1/zeebe/records", content=b"{}")).status_code == 503
    assert service.gateway.door.clear_since > before


async def test_the_url_that_takes_beats_is_called_otherwise_than_the_one_that_is_told_of_them(service: Service) -> None:
    paths = (await service.http.get("/openapi.json")).json()["paths"]
    doors = [operation for path, item in paths.items() if "/ping/" in path for operation in item.values()]
    assert len(doors) == 2
    assert [door["summary"] for door in doors if "beat URL" not in door["summary"]] == []
    assert "ping URL" not in str(paths)
