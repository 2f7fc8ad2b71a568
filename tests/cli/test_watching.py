"""What a watch says beside the changes: that Temporal is away, and that the subscriber is paused."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import cast

import pytest
from temporalio.client import Client
from temporalio.runtime import Runtime

from cli import watch
from cli.render_watch import ChangeLines, LiveTable, health_line
from cli.run import Format
from domain.drains import DrainProgress
from domain.errors import TemporalUnavailableError
from domain.health import Health
from domain.pauses import Pause
from service.changes import EventChange, Watch
from service.gateway import Gateway, open_gateway
from service.settings import Settings
from service.stream_listener import Listener, Told
from service.temporal import silent_runtime
from tests.support.builders import NOW

PAUSED = Pause(at=NOW, reason="by hand")
AWAY = TemporalUnavailableError(address="127.0.0.1:7233", namespace="default", reason="connection refused")


class Scripted(Listener):
    """Nothing changes; something happens whenever it is asked, and then it ends."""

    def __init__(self, *steps: Callable[[], Told | None]) -> None:
        super().__init__(Watch())
        self._steps = iter(steps)

    async def next(self, patience: float | None = None) -> Told | None:
        await asyncio.sleep(0.01 if patience else 0)  # what runs beside it has its turn
        if step := next(self._steps, None):
            return step()
        return Told(kind="end", position="", reason="the test is over")


class Platform:
    """A gateway to what a watch asks for."""

    def __init__(self) -> None:
        self.follower = self.subscribers = self.health = self
        self.away: str | None = None
        self.enabled = True
        self.row = Health(subscriber="a", paused=PAUSED, waiting=3, oldest_waiting=NOW)
        self.listener = Scripted()

    @asynccontextmanager
    async def listening(self, _: Watch, *, here: bool) -> AsyncIterator[Listener]:
        assert here
        yield self.listener

    async def get(self, _: str) -> Health | SimpleNamespace:
        return SimpleNamespace(**dict(self.row), enabled=self.enabled)

    async def watched(
        self, subscriber: str | None, *steps: Callable[[], Told | None], incident: str | None = None
    ) -> None:
        self.listener = Scripted(*steps)
        await watch._follow(cast("Gateway", self), Watch(subscriber=subscriber, incident=incident), Format.JSON)


async def test_it_says_once_that_temporal_is_away_and_once_that_it_is_back(capsys: pytest.CaptureFixture[str]) -> None:
    platform = Platform()

    def away(reason: str | None) -> Callable[[], None]:
        return lambda: setattr(platform, "away", reason)

    await platform.watched(None, away(str(AWAY)), away(f"{AWAY} still"), away(None))
    _, first, second, last = capsys.readouterr().err.splitlines()
    assert first == f"{AWAY}; it goes on here when that is back"
    assert (second, last) == ("Temporal is back; it goes on", "the test is over")


async def test_an_incident_that_cannot_be_of_the_platform_is_said_to_be_a_publishers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await Platform().watched(None, incident="X-1")
    assert "'X-1' is no incident of im; watching for events of publishers" in capsys.readouterr().err


async def test_it_says_what_was_left_out_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    gap = Told(kind="gap", position="", reason="7 changes are left out")
    await Platform().watched(None, lambda: gap, lambda: Told(kind="change", position="", change=changed("failed")))
    shown = capsys.readouterr()
    assert shown.err.splitlines()[1:] == ["7 changes are left out", "the test is over"]
    assert len(shown.out.splitlines()) == 1


def test_a_table_is_not_drawn_for_each_change(monkeypatch: pytest.MonkeyPatch) -> None:
    with LiveTable(None) as table:
        drawn: list[int] = []
        monkeypatch.setattr(table._live, "update", lambda *_, **__: drawn.append(len(table._rows)))
        for number in range(100):
            table.show(changed("retrying").model_copy(update={"event_id": f"evt_{number}"}))
        table.draw_news()
        table.draw_news()
    assert drawn == [100]


async def test_it_says_that_the_subscriber_is_paused_and_when_it_no_longer_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "HEALTH_EVERY_SECONDS", 0.0)
    platform = Platform()
    drain = DrainProgress(subscriber="a", began_at=NOW, counted=True, left=3)

    def resumed() -> None:
        platform.row = Health(subscriber="a", drain=drain)

    await platform.watched("a", lambda: None, resumed)
    at = "2025-12-26T14:30:00Z"
    assert capsys.readouterr().err.splitlines()[1:-1] == [
        f"a: paused since {at}: by hand; waiting: 3, the oldest since {at}",
        "a: not paused any more; draining, 3 left",
    ]


async def test_it_says_that_the_subscriber_is_disabled_and_when_it_no_longer_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "HEALTH_EVERY_SECONDS", 0.0)
    platform = Platform()
    platform.enabled, platform.row = False, Health(subscriber="a")
    await platform.watched("a", lambda: None, lambda: setattr(platform, "enabled", True))
    assert capsys.readouterr().err.splitlines()[1:-1] == [
        "a is disabled: it is told of nothing until im subscriber enable a",
        "a: enabled again; nothing waits",
    ]


async def test_commands_have_the_sdk_write_nothing_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Runtime | None] = []

    async def connect(runtime: Runtime | None = None) -> Client:
        given.append(runtime)
        raise AWAY

    monkeypatch.setattr("service.gateway.connect", connect)
    with pytest.raises(TemporalUnavailableError):
        await open_gateway(Settings())
    assert given == [silent_runtime()]


def test_the_line_above_the_table_says_it_too() -> None:
    at = "2025-12-26T14:30:00Z"
    said = health_line(Health(subscriber="a", paused=PAUSED, waiting=3, oldest_waiting=NOW))
    assert said.endswith(f"0 being retried; paused since {at}: by hand; waiting: 3, the oldest since {at}")
    assert health_line(Health(subscriber="a")).endswith("0 being retried")
    assert health_line(Health(subscriber="a", retrying=None)).endswith("retries not counted")


def changed(outcome: str, kind: str = "original") -> EventChange:
    """A change of an event that began in a workflow shared with others, and goes on in one of its own."""
    own = "" if kind == "original" else f"event/evt_1@0a1b2c3d/{kind}-1"
    return EventChange.model_validate(
        {
            "event_id": "evt_1",
            "type": "a.b",
            "source": "/s",
            "outcome": outcome,
            "troubled": [f"{outcome}:ops"],
            "emitted_at": NOW,
            "workflow_id": own or "events/burst",
            "kind": kind,
        }
    )


def test_a_state_that_was_said_of_a_delivery_is_not_said_again() -> None:
    lines = ChangeLines(None)
    assert lines.line(changed("retrying"), NOW)
    assert not lines.line(changed("retrying", "rest"), NOW)
    assert lines.line(changed("failed", "rest"), NOW)
    assert lines.line(changed("retrying", "resend"), NOW)
    assert lines.line(changed("retrying"), NOW)  # it was another state in between


def test_what_becomes_of_others_is_no_news_of_one_subscriber() -> None:
    lines = ChangeLines("ops")
    assert (lines.line(changed("retrying"), NOW) or "").endswith("  retrying  a.b  evt_1  -")
    both = changed("retrying").model_copy(update={"troubled": ["retrying:audit", "retrying:ops"]})
    assert not lines.line(both, NOW)
    assert ChangeLines(None).line(both, NOW)


def test_of_one_subscriber_its_own_state_is_said_while_others_are_in_trouble() -> None:
    fine = changed("retrying").model_copy(update={"troubled": ["retrying:audit"], "subscribers": ["audit", "ops"]})
    assert "  delivered  " in (ChangeLines("ops").line(fine, NOW) or "")
