"""What `im event show` says beneath an event: whether anything is to be done."""

from types import SimpleNamespace
from typing import Any

import pytest

import cli.event
from cli.main import run
from domain.explanations import RunKind
from domain.outcomes import Delivery, DeliveryState
from service.event_views import EventView
from service.progress import RunView
from tests.support.builders import NOW, make_event
from tests.support.gateways import serving

REPLAY = "replays/rpl_3f9c2a7b10de/event/evt_1@1"


def ran(workflow_id: str, kind: RunKind, **states: DeliveryState) -> RunView:
    return RunView(
        workflow_id=workflow_id,
        run_id="r",
        kind=kind,
        outcome="failed",
        accepted_at=NOW,
        started_at=NOW,
        deliveries=[Delivery(subscriber=name, state=state) for name, state in states.items()],
    )


def said(*runs: RunView, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    async def get(_event: str, _source: str | None) -> EventView:
        return EventView(event=make_event(), runs=list(runs))

    gateway: Any = SimpleNamespace(events=SimpleNamespace(get=get))
    monkeypatch.setattr(cli.event, "with_gateway", serving(gateway))
    assert run(["event", "show", "evt_1"]) == 0
    return capsys.readouterr().err.splitlines()


FAILED, DELIVERED = DeliveryState.FAILED, DeliveryState.DELIVERED


def test_what_failed_and_has_arrived_since_needs_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = ran("event/evt_1@1", "original", a=FAILED, b=FAILED, c=DELIVERED)
    shown = said(first, ran(REPLAY, "replay", a=DELIVERED), monkeypatch=monkeypatch, capsys=capsys)
    assert shown == [
        "it failed for a, and has arrived there since (replayed by rpl_3f9c2a7b10de): nothing is to be done",
        "parked: it failed for b; send it again: im event resend evt_1 --subscriber b",
    ]


def test_what_arrived_and_failed_when_it_was_sent_once_more_is_parked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [ran(name, "resend", a=state) for name, state in [("1", FAILED), ("2", DELIVERED), ("3", FAILED)]]
    assert said(*runs, monkeypatch=monkeypatch, capsys=capsys) == [
        "parked: it failed for a; send it again: im event resend evt_1 --subscriber a"
    ]
