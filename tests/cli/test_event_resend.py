"""What `im event resend` says besides the id."""

from types import SimpleNamespace
from typing import Any

import pytest

import cli.event_resend
from cli.main import run
from service.resends import Resent
from tests.support.builders import NOW
from tests.support.gateways import serving


def test_what_there_is_to_know_of_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def resend(*given: Any, **named: Any) -> Resent:
        assert (given, named) == (("evt_1", "ops"), {"source": None})
        return Resent(event_id="evt_1", published=True, accepted_at=NOW, workflow_id="w", warnings=["one", "two"])

    monkeypatch.setattr(
        cli.event_resend, "with_gateway", serving(SimpleNamespace(events=SimpleNamespace(resend=resend)))
    )
    assert run(["event", "resend", "evt_1", "--subscriber", "ops"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "evt_1\n"
    assert shown.err.splitlines() == ["one", "two"]
