"""Requests to heartbeats' ping URLs: what is sent, what is tried again, and that the URL stays secret."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
import structlog
from prometheus_client import REGISTRY
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import heartbeats
from activities.heartbeats import DoorActivities, HeartbeatActivities
from activities.sealing import ping_url_purpose
from activities.transport import GuardedTransport
from domain.addresses import AddressPolicy
from domain.heartbeats import BeatKind, DoorQuestion, PingRequest
from tests.support.builders import make_keyring
from tests.support.sink import Answer, Drop, Hang, Redirect, Sink


@pytest_asyncio.fixture
async def pings() -> AsyncIterator[HeartbeatActivities]:
    policy = AddressPolicy()
    transport = GuardedTransport(policy)
    yield HeartbeatActivities(transport, make_keyring(), policy)
    await transport.aclose()


async def send(pings: HeartbeatActivities, url: str, kind: BeatKind = BeatKind.SUCCESS, name: str = "backup") -> None:
    sealed = make_keyring().seal(url, ping_url_purpose("backup"))
    request = PingRequest(heartbeat=name, sealed_ping_url=sealed, kind=kind)
    await ActivityEnvironment().run(pings.send_ping, request)


def failed() -> float:
    return REGISTRY.get_sample_value("im_heartbeat_pings_total", {"result": "failed"}) or 0


@pytest.mark.parametrize(("kind", "path"), [(BeatKind.SUCCESS, "/u?k=1"), (BeatKind.FAIL, "/u/fail?k=1")])
async def test_a_ping_is_a_get_without_a_body(
    pings: HeartbeatActivities, sink: Sink, kind: BeatKind, path: str
) -> None:
    await send(pings, sink.url("/u?k=1"), kind)
    (request,) = sink.received
    assert (request.method, request.path, request.body) == ("GET", path, b"")


@pytest.mark.parametrize(
    ("status", "final"), [(500, False), (503, False), (429, False), (408, False), (404, True), (410, True)]
)
async def test_what_is_tried_again(pings: HeartbeatActivities, sink: Sink, status: int, final: bool) -> None:
    sink.script(Answer(status))
    before = failed()
    with pytest.raises(ApplicationError) as raised:
        await send(pings, sink.url("/secret-uuid"))
    assert raised.value.non_retryable is final
    assert f"HTTP {status}" in raised.value.message
    assert failed() == before + 1


async def test_a_redirect_is_not_followed(pings: HeartbeatActivities, sink: Sink) -> None:
    sink.script(Redirect("http://127.0.0.1:1/elsewhere"))
    with pytest.raises(ApplicationError) as raised:
        await send(pings, sink.url("/u"))
    assert raised.value.non_retryable
    assert len(sink.received) == 1


async def test_a_receiver_that_hangs_is_left(
    pings: HeartbeatActivities, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeats, "PING_SECONDS", 0.1)
    sink.script(Hang())
    with pytest.raises(ApplicationError, match=r"no answer within 0\.1 s"):
        await send(pings, sink.url("/u"))


async def test_nothing_that_is_said_of_a_failure_has_the_url_in_it(
    pings: HeartbeatActivities, sink: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    structlog.configure()
    sink.script(Answer(500), Drop())
    for url in (sink.url("/hush"), sink.url("/hush"), "https://10.0.0.1/hush", "http://127.0.0.1:1/hush"):
        with pytest.raises(ApplicationError) as raised:
            await send(pings, url)
        assert "hush" not in str(raised.value)
    said = capsys.readouterr()
    assert "heartbeat ping failed" in said.out
    assert "hush" not in said.out + said.err


async def test_a_url_sealed_for_another_heartbeat_does_not_open(pings: HeartbeatActivities, sink: Sink) -> None:
    with pytest.raises(ApplicationError) as raised:
        await send(pings, sink.url("/u"), name="other")
    assert raised.value.non_retryable
    assert sink.received == []


async def test_a_door_says_since_when_it_is_open() -> None:
    since = datetime(2025, 12, 26, tzinfo=UTC)
    report = await ActivityEnvironment().run(DoorActivities(lambda: since).attest, DoorQuestion(heartbeat="backup"))
    assert report.clear_since == since
