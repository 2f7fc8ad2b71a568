"""Named HTTP clients over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest
import trustme

from tests.api.conftest import Service
from tests.support.authorities import ACCESS_TOKEN, CLIENT_SECRET, PASSWORD, pem_of, server_tls, token_answer, trust_of
from tests.support.sink import Answer, Sink

PATH = "/api/v1/http-clients"
AUTHORITY = trustme.CA()
CHAIN, KEY = pem_of(AUTHORITY.issue_cert("im.example.com", common_name="im"))
OAUTH2 = {"token_url": "https://login.example.com/t", "client_id": "im", "client_secret": CLIENT_SECRET}


async def test_adding_is_201_with_location_and_no_secret(service: Service) -> None:
    body = {"name": "partner", "certificate": CHAIN, "key": KEY, "trust": trust_of(AUTHORITY), **OAUTH2}
    answer = await service.http.post(PATH, json=body)
    assert (answer.status_code, answer.headers["location"]) == (201, f"{PATH}/partner")
    shown = answer.json()
    assert shown["auth"] == ["mutual_tls", "oauth2"]
    assert shown["certificate"]["subject"].startswith("CN=im,")
    assert len(shown["certificate"]["sha256"]) == 64
    assert len(shown["trust"]) == 1
    for text in (answer.text, (await service.http.get(PATH)).text, (await service.http.get(f"{PATH}/partner")).text):
        assert CLIENT_SECRET not in text
        assert "PRIVATE KEY" not in text
        assert "sealed" not in text


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"user": "im"}, "a user and a password"),
        ({"client_secret": "x"}, "a token URL, a client id"),
        ({"user": "im", "password": "x", **OAUTH2}, "Basic or OAuth2, not both"),
        ({"user": "a:b", "password": "x"}, "no colon"),
        ({"certificate": CHAIN}, "give both"),
        ({"certificate": CHAIN, "key": pem_of(AUTHORITY.issue_cert("x"))[1]}, "does not belong"),
        ({"certificate": CHAIN, "key": "nonsense"}, "no private key"),
        ({"certificate": KEY, "key": KEY}, "no certificate in PEM"),
        ({"certificate": CHAIN, "key": KEY, "key_passphrase": "x"}, "no passphrase"),
        ({"trust": "nonsense"}, "the trust store cannot be used"),
        ({**OAUTH2, "token_url": "http://login.example.com/t"}, "the token URL cannot be used"),
        ({**OAUTH2, "token_url": "https://169.254.169.254/t"}, "not a public address"),
        ({"proxy": "http://proxy.example"}, "needs its port"),
        ({"proxy": "http://user:pass@proxy.example:3128"}, "given apart"),
        ({"proxy": "http://10.0.0.1:3128"}, "not a public address"),
        ({"proxy_credentials": "a:b"}, "give the proxy as well"),
        ({"total_seconds": 11}, "it is more than 10"),
        ({"connect_seconds": 0}, "it is less than 0.1"),
        ({"unknown": 1}, "no such member"),
    ],
)
async def test_what_cannot_be_used_is_422_and_says_why(service: Service, parts: dict[str, str], said: str) -> None:
    answer = await service.http.post(PATH, json={"name": "a", **parts})
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert "hunter2" not in answer.text


async def test_an_expired_certificate_is_refused_and_one_about_to_expire_is_warned_of(service: Service) -> None:
    for days, status in ((-1, 422), (12, 201), (40, 201)):
        ends = datetime.now(UTC) + timedelta(days=days, hours=1)
        chain, key = pem_of(AUTHORITY.issue_cert("im.example.com", common_name="im", not_after=ends))
        answer = await service.http.post(PATH, json={"name": f"c{days}", "certificate": chain, "key": key})
        assert answer.status_code == status, answer.text
    warnings = {row["name"]: row["warnings"] for row in (await service.http.get(PATH)).json()["data"]}
    assert warnings["c40"] == []
    assert "the certificate of HTTP client 'c12' expires in 12 days" in warnings["c12"][0]


async def test_an_encrypted_key_is_opened_with_its_passphrase(service: Service) -> None:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(KEY.encode(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2")).decode()
    body = {"name": "a", "certificate": CHAIN, "key": locked}
    for passphrase, said in ((None, "passphrase is missing"), ("wrong", "the passphrase is wrong")):
        refused = await service.http.post(PATH, json=body | ({"key_passphrase": passphrase} if passphrase else {}))
        assert (refused.status_code, said in refused.json()["detail"]) == (422, True)
        assert ("key_passphrase" in refused.json()["hint"]) == (passphrase is None)
    assert (await service.http.post(PATH, json=body | {"key_passphrase": "hunter2"})).status_code == 201


async def test_a_part_is_changed_by_itself_or_dropped(service: Service) -> None:
    await service.http.post(PATH, json={"name": "a", "scope": "one", **OAUTH2})
    changed = (await service.http.patch(f"{PATH}/a", json={"scope": "two"})).json()
    assert (changed["oauth2"]["scope"], changed["oauth2"]["client_id"], changed["version"]) == ("two", "im", 2)
    both = await service.http.patch(f"{PATH}/a", json={"user": "im", "password": PASSWORD})
    assert both.status_code == 422
    swapped = await service.http.patch(f"{PATH}/a", json={"user": "im", "password": PASSWORD, "drop": ["oauth2"]})
    assert (swapped.json()["auth"], swapped.json()["oauth2"]) == (["basic"], None)
    again = await service.http.patch(f"{PATH}/a", json={})
    assert again.json()["version"] == swapped.json()["version"]


async def test_removing_is_204_and_refused_with_the_names_while_used(service: Service) -> None:
    await service.http.post(PATH, json={"name": "a", "user": "im", "password": PASSWORD})
    await service.add_subscriber(http_client="a")
    assert (await service.http.get(f"{PATH}/a")).json()["used_by"] == ["my-webhook"]
    refused = await service.http.delete(f"{PATH}/a")
    assert (refused.status_code, refused.json()["code"]) == (409, "http_client_in_use")
    assert "my-webhook" in refused.json()["detail"]
    await service.http.patch("/api/v1/subscribers/my-webhook", json={"http_client": ""})
    assert (await service.http.delete(f"{PATH}/a")).status_code == 204
    assert (await service.http.get(f"{PATH}/a")).status_code == 404


async def test_a_name_that_is_taken_is_409(service: Service) -> None:
    assert (await service.http.post(PATH, json={"name": "a"})).status_code == 201
    answer = await service.http.post(PATH, json={"name": "a"})
    assert (answer.status_code, answer.json()["code"]) == (409, "http_client_exists")


async def test_a_url_is_given_in_parts_and_shown_in_parts(service: Service) -> None:
    body = {"name": "wh1", "hostname": "example.com", "context": "/postme"}
    shown = (await service.http.post("/api/v1/subscribers", json=body)).json()["subscriber"]
    assert shown["url"] == "https://example.com/postme"
    assert (shown["hostname"], shown["port"], shown["context"]) == ("example.com", 443, "/postme")
    changed = (await service.http.patch("/api/v1/subscribers/wh1", json={"port": 8443})).json()["subscriber"]
    assert changed["url"] == "https://example.com:8443/postme"
    for wrong in ({"hostname": "a.example", "url": "https://a.example"}, {"port": 443}, {"hostname": "a/b"}):
        answer = await service.http.post("/api/v1/subscribers", json={"name": "x", **wrong})
        assert answer.status_code == 422, wrong


async def test_a_test_tells_of_tls_of_the_peer_and_of_the_token(service: Service) -> None:
    async with Sink(server_tls(AUTHORITY, clients=AUTHORITY)) as receiver:
        receiver.script(token_answer(), path="/token")
        receiver.script(Answer(405), Answer(204), path="/hook")
        parts = {**OAUTH2, "token_url": receiver.url("/token"), "trust": trust_of(AUTHORITY)}
        await service.http.post(PATH, json={"name": "a", "certificate": CHAIN, "key": KEY, **parts})
        answer = await service.http.post(f"{PATH}/a/test", json={"url": receiver.url("/hook")})
    trial = answer.json()
    assert (trial["method"], trial["status"], trial["failure"]) == ("GET", 204, None)
    assert (trial["token_seconds"], trial["peer"]["tls"]) == (3600, "TLSv1.3")
    assert trial["peer"]["days_left"] > 0
    assert len(trial["peer"]["certificate"]["sha256"]) == 64
    assert ACCESS_TOKEN not in answer.text
    assert [request.method for request in receiver.received] == ["POST", "HEAD", "GET"]


async def test_a_test_that_fails_says_so_as_a_delivery_would(service: Service) -> None:
    await service.http.post(PATH, json={"name": "a"})
    async with Sink(server_tls(AUTHORITY)) as receiver:
        trial = (await service.http.post(f"{PATH}/a/test", json={"url": receiver.url()})).json()
    assert (trial["status"], trial["failure"], trial["peer"]) == (None, "tls_verification", None)
    assert "TLS verification failed" in trial["error"]
    blocked = await service.http.post(f"{PATH}/a/test", json={"url": "https://10.0.0.1/"})
    assert (blocked.status_code, blocked.json()["code"]) == (422, "blocked_address")
