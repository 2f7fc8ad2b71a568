"""What `im event emit` says besides the id."""

from types import SimpleNamespace
from typing import Any

import pytest

import cli.event_emit
from cli.main import run
from domain.receipts import PublishReceipt
from tests.support.builders import NOW
from tests.support.gateways import serving


@pytest.mark.parametrize(("duplicate", "said"), [(False, "see: im event show evt_1"), (True, "accepted before")])
def test_the_id_alone_is_on_standard_output(
    duplicate: bool, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def emit(_event: Any) -> PublishReceipt:
        return PublishReceipt(event_id="evt_1", published=True, duplicate=duplicate, accepted_at=NOW)

    monkeypatch.setattr(cli.event_emit, "with_gateway", lambda work, **_: serving(gateway)(work))
    gateway: Any = SimpleNamespace(events=SimpleNamespace(emit=emit))
    assert run(["event", "emit", "--type", "a.b.v1"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "evt_1\n"
    assert said in shown.err
