"""Lists in a terminal: what is cut, what never is, and where sentences go."""

import unicodedata
from datetime import timedelta

import pytest

from cli import fitting, render
from cli.fitting import fitted
from cli.render_subscribers import health_table
from domain.health import Health
from service.event_rows import EventRow
from tests.support.builders import NOW

EVENT = "evt_01a2096c-20c7-75c9-a04d-fbc07ce7b007"
OF_A_SUBSCRIBER = "subscriber-sick-recovered-20261123T172031.829549Z"


def event_rows() -> list[EventRow]:
    known = {"type": "im.subscriber.recovered.v1", "source": "/s", "emitted_at": NOW, "workflow_id": "w"}
    return [
        EventRow.model_validate(known | {"event_id": each, "outcome": "delivered"}) for each in (EVENT, OF_A_SUBSCRIBER)
    ]


def in_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setattr(render, "terminal_columns", lambda: columns)


def test_a_list_of_events_fits_80_columns_but_for_a_row_with_a_longer_id(monkeypatch: pytest.MonkeyPatch) -> None:
    piped = render.event_table(event_rows(), NOW)
    in_a_terminal(monkeypatch, 80)
    lines = render.event_table(event_rows(), NOW).splitlines()
    assert [line.split()[0] for line in lines] == ["EVENT", EVENT, OF_A_SUBSCRIBER]
    assert len(lines[0]) <= 80
    assert len(lines[1]) <= 80
    assert "delivered" in lines[1]
    assert "im.subscriber.recovered.v1" in piped
    in_a_terminal(monkeypatch, 200)
    assert render.event_table(event_rows(), NOW) == piped


def test_sentences_stand_below_the_table_and_what_is_the_same_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    warned = "the certificate of the HTTP client partner expires on 2026-01-01T00:00:00Z"
    rows = [
        Health(
            subscriber=name, status="healthy", delivered=1, failed=0, success_rate=100.0, last_delivered=NOW,
            last_success=NOW, warnings=[warned], retrying=0, in_line=0, waiting=0,
        )
        for name in ("a", "b")
    ]  # fmt: skip
    assert health_table(rows, NOW + timedelta(minutes=1)).count(warned) == 2
    in_a_terminal(monkeypatch, 80)
    lines = health_table(rows, NOW + timedelta(minutes=1)).splitlines()
    assert lines[0].split() == ["SUBSCRIBER", "DELIVERED", "FAILED", "SUCCESS_RATE", "STATUS", "LAST_DELIVERED"]
    assert lines[-1] == f"WARNING a, b: {warned}"


@pytest.mark.parametrize("columns", [1, 20, 40, 61])
def test_the_first_column_is_whole_at_any_width(columns: int) -> None:
    lines = [["NAME", "TYPES", "NOTE"], ["a" * 30, "b" * 90, "日本" * 30], ["c", "d", "e"]]
    shown = fitted(lines, columns).splitlines()
    assert "a" * 30 in shown[1]
    assert fitting.width(shown[1]) <= max(columns, 30 + 2 * (2 + fitting.NARROWEST))
    assert "…" in shown[1]


def test_a_list_without_rows_is_its_head_in_a_terminal_that_is_narrower_too() -> None:
    assert fitted([["NAME", "TYPES"]], 5) == "NAME  TYPES"


def test_the_first_column_stays_where_it_is_a_dash_in_every_row() -> None:
    lines = [["EVENT", "STATUS", "ATTEMPTS", "ERROR"], ["-", "-", "-", "x" * 30], ["-", "-", "-", "y"]]
    assert fitted(lines, 20).splitlines()[0].split() == ["EVENT", "ERROR"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a" * 9, "aaaaaaa…"),
        ("aaaaaa bb", "aaaaaa…"),
        ("日" * 9, "日日日…"),
        ("a\u0301" * 9, "a\u0301" * 7 + "…"),
        ("aa日" * 9, "aa日aa…"),
    ],
)
def test_a_cell_is_cut_by_what_its_characters_take(text: str, shown: str) -> None:
    lines = [["N", "TEXT"], ["a", text]]
    assert fitted(lines, 1 + 2 + fitting.NARROWEST).splitlines()[1] == f"a  {shown}"


def test_a_long_cell_is_cut_in_one_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def combining(char: str) -> int:
        asked.append(char)
        return 0

    monkeypatch.setattr(unicodedata, "combining", combining)
    fitted([["N", "TEXT"], ["a", "é" * 8000]], 80)
    assert len(asked) < 10 * 8000


def test_nothing_but_a_terminal_has_columns() -> None:
    assert fitting.terminal_columns() is None
