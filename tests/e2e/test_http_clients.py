"""Named HTTP clients, end to end: events over mutual TLS and OAuth2, rotation, removal, and secrets nowhere."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from standardwebhooks import Webhook

from domain.errors import InvalidRequestError
from domain.http_client_errors import HttpClientNotFoundError, UnknownHttpClientError
from service.devserver import DevServer
from tests.support.authorities import ACCESS_TOKEN, CLIENT_SECRET, PASSWORD, pem_of, server_tls, token_answer, trust_of
from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Answer, Sink

SERVERS, CLIENTS = trustme.CA(), trustme.CA()
WHSEC = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def _files(folder: Path, certificate: trustme.LeafCert) -> dict[str, str]:
    chain, key = pem_of(certificate)
    paths = {"cert": folder / "client.pem", "key": folder / "client.key", "ca": folder / "ca.pem"}
    for path, text in zip(paths.values(), (chain, key, trust_of(SERVERS)), strict=True):
        path.write_text(text)
    return {name: str(path) for name, path in paths.items()}


async def _remove(platform: Platform, subscriber: str, client: str) -> None:
    await platform.gateway.subscribers.remove(subscriber)
    await platform.gateway.http_clients.remove(client)


async def test_a_subscriber_over_mutual_tls_receives_signed_events_and_a_new_certificate_is_used_at_once(
    platform: Platform, tmp_path: Path
) -> None:
    client, name, event_type = unique_name("mtls"), unique_name("partner"), unique_type("mtls")
    soon = datetime.now(UTC) + timedelta(days=12, hours=1)
    files = _files(tmp_path, CLIENTS.issue_cert("first.example.com", common_name="first", not_after=soon))
    async with Sink(server_tls(SERVERS, "localhost", clients=CLIENTS)) as receiver:
        added = await platform.im(
            "http-client", "add", client, "--cert", files["cert"], "--key", files["key"], "--ca", files["ca"]
        )
        assert (added.code, added.out) == (0, "")
        assert added.err.startswith(f"added {client}: mutual_tls\nwarning: ")
        assert "expires in 12 days" in added.err
        place = ("--hostname", "localhost", "--port", str(receiver.port), "--context", "/postme")
        await platform.im(
            "subscriber", "add", "--name", name, *place, "--types", event_type,
            "--http-client", client, "--secret", "-", stdin=WHSEC,
        )  # fmt: skip
        assert (await platform.ended(await platform.emit(event_type)))[name]["state"] == "delivered"
        (request,) = receiver.received
        assert request.path == "/postme"
        assert Webhook(WHSEC).verify(request.body, request.headers)["type"] == event_type

        shown = await platform.gateway.subscribers.get(name)
        assert (shown.hostname, shown.port, shown.context) == ("localhost", receiver.port, "/postme")
        health = (await platform.im("subscriber", "health", name)).out
        assert "WARNING" in health
        assert f"the certificate of HTTP client '{client}' expires in 12 days" in health
        row = (await platform.api.get(f"/api/v1/subscribers/{name}/health")).json()
        assert row["warnings"]
        assert row["certificate_expires_at"].startswith(f"{soon:%Y-%m-%d}")

        files = _files(tmp_path, CLIENTS.issue_cert("second.example.com", common_name="second"))
        chain, key = (Path(files[name]).read_text() for name in ("cert", "key"))
        renewed = await platform.gateway.http_clients.update(client, certificate=chain, key=key)
        assert (renewed.version, renewed.warnings) == (2, [])
        connections = receiver.connections
        assert (await platform.ended(await platform.emit(event_type)))[name]["state"] == "delivered"
        assert receiver.connections == connections + 1, "a connection of the new version"
        tried = await platform.im("http-client", "test", client, receiver.url("/postme", host="localhost"))
        assert tried.code == 0
        assert "TLSv1.3" in tried.out
        assert "HTTP 200 OK" in tried.out
        assert (await platform.gateway.trials.run(name)).state == "delivered"
    listed = await platform.gateway.http_clients.get(client)
    assert listed.used_by == [name]
    refused = await platform.im("http-client", "remove", client)
    assert refused.code == 1
    assert f"the HTTP client '{client}' is used by {name}" in refused.err
    assert (await platform.im("subscriber", "update", name, "--no-http-client")).code == 0
    await _remove(platform, name, client)


async def test_a_subscriber_receives_over_oauth2_and_a_refused_client_fails_it_for_good(
    platform: Platform, sink: Sink
) -> None:
    client, name, event_type = unique_name("oauth2"), unique_name("cloud"), unique_type("oauth2")
    sink.script(token_answer(), path="/token")
    body = {"name": client, "token_url": sink.url("/token"), "client_id": "im", "client_secret": CLIENT_SECRET}
    assert (await platform.api.post("/api/v1/http-clients", json=body)).status_code == 201
    subscriber = {"name": name, "url": sink.url("/hook"), "types": [event_type], "http_client": client}
    assert (await platform.api.post("/api/v1/subscribers", json=subscriber)).status_code == 201
    for _ in range(3):
        assert (await platform.ended(await platform.emit(event_type)))[name]["state"] == "delivered"
    paths = [request.path for request in sink.received]
    assert (paths.count("/token"), paths.count("/hook")) == (1, 3)
    assert {r.headers["authorization"] for r in sink.received if r.path == "/hook"} == {f"Bearer {ACCESS_TOKEN}"}

    sink.script(Answer(401, b'{"error":"invalid_client"}'), path="/token")
    await platform.gateway.http_clients.update(client, client_secret="another secret")
    delivery = (await platform.ended(await platform.emit(event_type)))[name]
    assert (delivery["state"], len(delivery["attempts"])) == ("failed", 1)
    assert delivery["attempts"][0]["failure"] == "token_refused"
    assert "HTTP 401 Unauthorized: invalid_client" in delivery["error"]

    sink.script(Answer(503), token_answer(), path="/token")
    await platform.gateway.http_clients.update(client, client_secret=CLIENT_SECRET)
    delivery = (await platform.ended(await platform.emit(event_type)))[name]
    assert [attempt["failure"] for attempt in delivery["attempts"]] == ["token_unavailable", None]
    await _remove(platform, name, client)


async def test_a_subscriber_names_only_a_client_that_exists_and_fits(platform: Platform, sink: Sink) -> None:
    client, name = unique_name("basic"), unique_name("fits")
    add = ("subscriber", "add", "--name", name, "--url", sink.url(), "--http-client", client)
    unknown = await platform.im(*add)
    assert (unknown.code, "no HTTP client is named" in unknown.err) == (1, True)
    subscribers, clients = platform.gateway.subscribers, platform.gateway.http_clients
    await clients.add(client)
    await subscribers.add(name, sink.url(), headers={"authorization": "Bearer x"}, http_client=client)
    with pytest.raises(InvalidRequestError, match="adds the header authorization"):
        await clients.update(client, user="im", password=PASSWORD)
    with pytest.raises(InvalidRequestError, match="longer than that of the whole request"):
        await clients.update(client, connect_seconds=9.0, total_seconds=2.0)
    slow = await platform.im("http-client", "add", unique_name("slow"), "--timeout", "2", "--connect-timeout", "9")
    assert (slow.code, "give a shorter one to connect" in slow.err) == (1, True)
    await subscribers.update(name, headers={})
    await clients.update(client, user="im", password=PASSWORD)
    with pytest.raises(InvalidRequestError, match="adds the header Authorization"):
        await subscribers.update(name, headers={"Authorization": "Bearer x"})
    with pytest.raises(UnknownHttpClientError, match="'nobody'"):
        await subscribers.update(name, http_client="nobody")
    with pytest.raises(HttpClientNotFoundError):
        await clients.remove("nobody")
    await _remove(platform, name, client)


async def test_no_key_password_secret_or_token_is_to_be_read_anywhere(
    platform: Platform, temporal: DevServer, sink: Sink, tmp_path: Path
) -> None:
    clients, event_type = [unique_name("basic"), unique_name("token")], unique_type("sealed")
    files = _files(tmp_path, CLIENTS.issue_cert("im.example.com", common_name="im"))
    key_line = Path(files["key"]).read_text().splitlines()[1]
    gateway = platform.gateway.http_clients
    await platform.im(
        "http-client", "add", clients[0], "--user", "im", "--password", "-",
        "--cert", files["cert"], "--key", files["key"], stdin=PASSWORD,
    )  # fmt: skip
    await gateway.add(clients[1], token_url=sink.url("/token"), client_id="im", client_secret=CLIENT_SECRET)
    names = [unique_name("subscriber") for _ in clients]
    shown = base64.b64encode(f"im:{PASSWORD}".encode()).decode()
    borne = [PASSWORD, shown, CLIENT_SECRET, ACCESS_TOKEN]
    sink.script(Answer(400, PASSWORD.encode() + b" " + shown.encode()), path=f"/{names[0]}")
    sink.script(Answer(400, CLIENT_SECRET.encode() + b" " + ACCESS_TOKEN.encode()), path=f"/{names[1]}")
    sink.script(token_answer(), path="/token")
    for name, client in zip(names, clients, strict=True):
        await platform.gateway.subscribers.add(name, sink.url(f"/{name}"), types=[event_type], http_client=client)
    event_id = await platform.emit(event_type)
    await platform.ended(event_id)
    said = [await platform.im("http-client", verb, *rest) for verb, *rest in (("list",), ("show", clients[0]))]
    said += [await platform.im("event", "show", event_id), await platform.im("logs", "--format", "json")]
    texts = [ran.out + ran.err for ran in said]
    paths = ("http-clients", f"http-clients/{clients[1]}", f"events/{event_id}", f"subscribers/{names[0]}")
    texts += [(await platform.api.get(f"/api/v1/{path}")).text for path in paths]
    texts.append((await platform.client.get_workflow_handle("subscribers").fetch_history()).to_json())
    texts.append(repr(await platform.gateway.subscribers.snapshot(None)))
    command = Path(f"/proc/{temporal.process.pid}/cmdline").read_bytes().split(b"\0")
    database = Path(command[command.index(b"--db-filename") + 1].decode()).parent
    raw = b"".join(
        path.read_bytes()
        for folder in (platform.state, database)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )
    for secret in (*borne, key_line):
        forms = {secret, json.dumps(secret)[1:-1]}
        assert not [text for text in texts for form in forms if form in text]
        assert not [form for form in forms if form.encode() in raw]
    for name, client in zip(names, clients, strict=True):
        await _remove(platform, name, client)
