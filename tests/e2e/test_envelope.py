"""What arrives: headers and body as in the guide, checked by independent libraries."""

import hashlib
import hmac
import json

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks import Webhook, WebhookVerificationError

from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Received, Sink

SECRET = "your-webhook-secret"


def guide_signature(secret: str, body: bytes) -> str:
    """The guide's own algorithm."""
    return "sha256=" + hmac.new(secret.encode("utf-8"), body, hashlib.sha256).hexdigest()


async def declared(platform: Platform, sink: Sink, secret: str = SECRET) -> Received:
    """Declare an incident through the CLI, and the request by which a subscriber hears of it."""
    name = unique_name("envelope")
    added = await platform.im(
        "subscriber", "add", "--name", name, "--url", sink.url("/your-webhook-endpoint"),
        "--types", "im.incident.**", "--secret", secret,
    )  # fmt: skip
    assert added.code == 0, added.err
    said = await platform.im(
        "incident", "declare", "--title", "Production API latency spike", "--severity", "SEV-2",
        "--actor", "oncall@example.com",
    )  # fmt: skip
    assert said.code == 0, said.err
    (request,) = await sink.wait_for(1)
    await platform.im("subscriber", "remove", name)
    return request


async def test_an_incident_arrives_as_the_guides_request(platform: Platform, sink: Sink) -> None:
    request = await declared(platform, sink)
    body = json.loads(request.body)
    incident = body["data"]["incident_id"]
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/cloudevents+json"
    assert request.headers["user-agent"] == "incidents-platform/1.0"
    assert request.headers["content-length"] == str(len(request.body))
    assert request.headers["ce-specversion"] == "1.0"
    assert request.headers["ce-type"] == "im.incident.declared.v1"
    assert request.headers["ce-source"] == f"/incidents/{incident}"
    assert request.headers["ce-id"] == body["id"]
    assert request.headers["ce-time"] == body["time"]
    assert body["id"].startswith("evt_")
    assert body == {
        "specversion": "1.0",
        "id": body["id"],
        "source": f"/incidents/{incident}",
        "type": "im.incident.declared.v1",
        "time": body["time"],
        "datacontenttype": "application/json",
        "data": {
            "incident_id": incident,
            "title": "Production API latency spike",
            "severity": "SEV-2",
            "actor": "oncall@example.com",
        },
        "imincidentid": incident,
    }


async def test_the_body_signature_is_the_guides(platform: Platform, sink: Sink) -> None:
    request = await declared(platform, sink)
    assert request.headers["x-cloudevents-signature"] == guide_signature(SECRET, request.body)


async def test_the_standard_webhooks_library_accepts_the_signature(platform: Platform, sink: Sink) -> None:
    secret = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    request = await declared(platform, sink, secret)
    Webhook(secret).verify(request.body.decode(), request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(request.body.decode() + " ", request.headers)


async def test_the_cloudevents_library_reads_the_body(platform: Platform, sink: Sink) -> None:
    request = await declared(platform, sink)
    event = from_structured_event(HTTPMessage(headers=request.headers, body=request.body), JSONFormat())
    assert event.get_type() == "im.incident.declared.v1"
    data = event.get_data()
    assert isinstance(data, dict)
    assert event.get_extension("imincidentid") == data["incident_id"]


async def test_no_secret_means_no_signature_headers(platform: Platform, sink: Sink) -> None:
    name, event_type = unique_name("unsigned"), unique_type("unsigned")
    await platform.gateway.subscribers.add(name, sink.url(), types=[event_type])
    await platform.emit(event_type)
    (request,) = await sink.wait_for(1)
    assert not {"x-cloudevents-signature", "webhook-signature"} & set(request.headers)


async def test_both_secrets_verify_during_a_rotation(platform: Platform, sink: Sink) -> None:
    name, event_type = unique_name("rotating"), unique_type("rotating")
    old, new = (await platform.gateway.subscribers.add(name, sink.url(), types=[event_type], generate_secret=True)), ""
    changed = await platform.gateway.subscribers.update(name, generate_secret=True)
    new = changed.secret or ""
    await platform.emit(event_type)
    (request,) = await sink.wait_for(1)
    for secret in (old.secret or "", new):
        Webhook(secret).verify(request.body.decode(), request.headers)
    assert request.headers["x-cloudevents-signature"] == guide_signature(new, request.body)


async def test_a_rotation_says_until_when_both_sign_and_what_overlap_it_cuts_short(
    platform: Platform, sink: Sink
) -> None:
    name = unique_name("overlaps")
    signing = await platform.im("subscriber", "add", "--name", name, "--url", sink.url(), "--generate-secret")
    assert signing.code == 0, signing.err
    assert "former secret" not in signing.err
    rotate = ["subscriber", "update", name, "--generate-secret", "--overlap"]
    for overlap, longer in (("24h", False), ("48h", False), ("24", True)):
        rotated = await platform.im(*rotate, overlap)
        until = (await platform.gateway.subscribers.get(name)).rotating_until
        assert until is not None
        assert f"signed with the former secret too, until {until:%Y-%m-%dT%H:%M:%S}" in rotated.err
        assert ("that was to sign until" in rotated.err) is longer, rotated.err
    assert f"signs until {until:%Y-%m-%d %H:%M:%S} UTC only" in rotated.err
    assert "signs no more" in (await platform.im(*rotate, "0s")).err
    assert "former secret" not in (await platform.im("subscriber", "update", name, "--types", "a.b")).err


async def test_added_headers_are_sent_and_never_shown(platform: Platform, sink: Sink) -> None:
    name, event_type = unique_name("headers"), unique_type("headers")
    url = sink.url()
    added = await platform.im(
        "subscriber",
        "add",
        "--name",
        name,
        "--url",
        url,
        "--types",
        event_type,
        "--header",
        "Authorization=Bearer s3cr3t-xyz",
    )
    assert added.code == 0, added.err
    await platform.emit(event_type)
    (request,) = await sink.wait_for(1)
    assert request.headers["authorization"] == "Bearer s3cr3t-xyz"
    shown = await platform.im("subscriber", "show", name, "--format", "json")
    assert "s3cr3t-xyz" not in shown.out
    assert "Authorization" in shown.out
