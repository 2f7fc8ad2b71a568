"""`im export` and `im import`: what is said beside the document."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import cli.configuration
from cli.main import run
from domain.configuration import Action, ImportReport, ImportRow
from tests.support.gateways import serving


@pytest.mark.parametrize(("action", "said"), [(Action.ADD, True), (Action.SAME, False)])
def test_an_import_that_adds_says_that_api_tokens_are_in_no_document(
    action: Action, *, said: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def load(*_: object, **__: Any) -> ImportReport:
        return ImportReport(rows=[ImportRow(entry="subscriber ops", action=action)])

    gateway = SimpleNamespace(configuration=SimpleNamespace(load=load))
    monkeypatch.setattr(cli.configuration, "with_gateway", serving(gateway))
    file = tmp_path / "im.json"
    file.write_text('{"format": "im-configuration", "format_version": 1}')
    assert run(["import", str(file)]) == 0
    assert ("API tokens are in no document" in capsys.readouterr().err) is said
