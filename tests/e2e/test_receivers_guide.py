"""The verifiers of docs/receivers.md, in each language, on requests that were really sent."""

import pytest

from tests.receivers.harness import LANGUAGES, Case, unavailable, verdicts
from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Answer, Received, Sink

PLAIN = "your-webhook-secret"


async def captured(platform: Platform, sink: Sink, secret: str) -> list[Received]:
    """A first request and its retry, as they arrived."""
    event_type = unique_type("verified")
    sink.script(Answer(503), Answer(200))
    await platform.gateway.subscribers.add(unique_name("verified"), sink.url(), types=[event_type], secret=secret)
    await platform.emit(event_type, {"title": "Zürich is slow", "severity": "SEV-1"})
    return list(await sink.wait_for(2))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_guides_verifier_accepts_real_deliveries(platform: Platform, sink: Sink, language: str) -> None:
    if reason := unavailable(language):
        pytest.skip(reason)
    requests = await captured(platform, sink, PLAIN)
    right = [Case(headers=dict(request.pairs), body=request.body, secret=PLAIN) for request in requests]
    wrong = [Case(headers=dict(request.pairs), body=request.body + b" ", secret=PLAIN) for request in requests]
    short = [
        Case(
            headers={name: value[:-3] if "ignature" in name else value for name, value in request.pairs},
            body=request.body,
            secret=PLAIN,
        )
        for request in requests
    ]
    found = verdicts(language, [*right, *wrong, *short])
    assert found == [{"body": True, "standard": True}] * 2 + [{"body": False, "standard": False}] * 4
