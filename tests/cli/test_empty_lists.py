"""A list that is empty says why, and where to go on; on standard error, because it is no data."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

import cli.event
import cli.incident
import cli.replay
import cli.subscriber_health
from cli.main import run
from domain.errors import ImError, NoWorkerError
from domain.incident_errors import IncidentNotFoundError
from domain.replays import Survey
from domain.subscriber_errors import SubscriberNotFoundError
from service.event_list import EventFilter, EventPage
from service.event_rows import EventRow
from service.incidents import IncidentPage
from service.replay_views import ReplayOptions
from tests.support.gateways import serving

NOW = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)


class Empty:
    """A gateway without anything; ``found`` is what it finds of events, ``missing`` what reading one thing raises."""

    def __init__(self) -> None:
        self.found = EventPage(rows=[])
        self.missing: ImError | None = None
        self.read: list[str] = []
        self.rows: list[Any] = []
        self.lacking = False
        self.subscribers = SimpleNamespace(get=self.get, all=self.all)
        self.incidents = SimpleNamespace(get=self.get, find=self.find_incidents)
        self.health = SimpleNamespace(all=self.all)
        self.events = SimpleNamespace(find=self.find, lacking=self.lacking_rows)

    async def get(self, name: str) -> None:
        self.read.append(name)
        if self.missing is not None:
            raise self.missing

    async def all(self) -> list[Any]:
        return self.rows

    async def lacking_rows(self, _wanted: EventFilter) -> list[EventRow] | None:
        return None if self.lacking else []

    async def find(self, _wanted: EventFilter) -> EventPage:
        return self.found

    async def find_incidents(self, **_: Any) -> IncidentPage:
        return IncidentPage(rows=[])


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Empty:
    gateway = Empty()

    for module in (cli.event, cli.incident, cli.subscriber_health):
        monkeypatch.setattr(module, "with_gateway", serving(gateway))
    return gateway


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("incident list", "no incidents yet; declare one: im incident declare --title TITLE --severity SEV-2"),
        ("incident list --status closed", "no incident is closed; all of them: im incident list"),
        ("event list", "no events yet; emit one: im event emit --type TYPE --data JSON"),
        ("event list --failed", "no events match"),
        ("subscriber health", "no subscribers yet; add one: im subscriber add --name NAME --url URL"),
    ],
)
def test_an_empty_list_explains_itself(
    gateway: Empty, line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line.split()) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 1, "the headings"
    assert shown.err == f"{said}\n"
    assert run([*line.split(), "--format", "json"]) == 0
    assert capsys.readouterr().out == "[]\n"


@pytest.mark.parametrize(
    ("line", "missing", "said"),
    [
        ("--subscriber nobody", SubscriberNotFoundError(name="nobody"), "no subscriber is named 'nobody'"),
        ("--incident 9", IncidentNotFoundError(incident_id="INC-9"), "no incident 'INC-9' is known"),
    ],
)
def test_a_list_of_what_is_not_there_is_refused_instead_of_empty(
    gateway: Empty, line: str, missing: ImError, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.missing = missing
    assert run(["event", "list", *line.split()]) == 1
    told = capsys.readouterr()
    assert (told.out, told.err.splitlines()[0]) == ("", f"error: {said}")
    assert told.err.splitlines()[1].startswith("hint: ")


def test_a_type_that_looks_mistaken_is_warned_of(gateway: Empty, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["event", "list", "--type", "im.incident.*"]) == 0
    assert "did you mean 'im.incident.**'?" in capsys.readouterr().err.splitlines()[0]
    assert run(["event", "list", "--type", "com.example.deploy.v1"]) == 0
    assert capsys.readouterr().err == "no events match\n"


def test_a_type_of_a_replay_that_looks_mistaken_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def survey(_options: ReplayOptions) -> Survey:
        return Survey()

    found = SimpleNamespace(replays=SimpleNamespace(survey=survey))
    monkeypatch.setattr(cli.replay, "with_gateway", serving(found))
    for types, warned in (("im.incdent.**", True), ("com.example.**", False)):
        assert run(["replay", "--subscriber", "a", "--dry-run", "--types", types]) == 0
        assert ("did you mean 'im.incident.**'?" in capsys.readouterr().err) is warned


def test_without_a_worker_the_empty_list_is_still_shown(gateway: Empty, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.missing = NoWorkerError(queue="im-control", seconds=3)
    assert run(["event", "list", "--subscriber", "a"]) == 0
    assert capsys.readouterr().err == "no events match\n"


@pytest.mark.parametrize(("line", "read"), [("--incident 7", []), ("--subscriber a", ["a"])])  # which may be disabled
def test_incidents_are_looked_up_only_when_the_list_is_empty(
    gateway: Empty, line: str, read: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    row = EventRow(event_id="e", type="t", source="/s", outcome="failed", emitted_at=NOW, workflow_id="event/e")
    gateway.found = EventPage(rows=[row])
    assert run(["event", "list", *line.split()]) == 0
    assert (gateway.read, capsys.readouterr().err) == (read, "")


def test_what_is_parked_for_somebody_removed_can_be_sent_to_another(
    gateway: Empty, capsys: pytest.CaptureFixture[str]
) -> None:
    row = EventRow(event_id="e", type="t", source="/s", outcome="failed", emitted_at=NOW, workflow_id="event/e")
    gateway.found = EventPage(rows=[row])
    line = ["event", "list", "--subscriber", "sick", "--undelivered"]
    again = "im replay --subscriber sick --undelivered"
    assert run(line) == 0
    said = (
        f"parked: what has not arrived since is sent again with {again}; of one, im event show ID says whether it has\n"
    )
    assert capsys.readouterr().err == said
    gateway.missing = SubscriberNotFoundError(name="sick")
    assert run(line) == 0
    said = f"parked: sick was removed; to another one: {again} --to NAME, or add it anew first\n"
    assert capsys.readouterr().err == said


def test_a_search_that_was_given_up_says_so(gateway: Empty, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.found = EventPage(rows=[], older=NOW, complete=False)
    assert run(["event", "list", "--type", "a.**"]) == 0
    assert "were not searched" in capsys.readouterr().err


@pytest.mark.parametrize("found", [0, 1])
def test_a_list_that_may_lack_events_of_a_subscriber_says_so(
    gateway: Empty, found: int, capsys: pytest.CaptureFixture[str]
) -> None:
    row = EventRow(event_id="1", type="t", source="/s", outcome="delivered", emitted_at=NOW, workflow_id="event/1")
    gateway.found = EventPage(rows=[row] * found)
    gateway.rows = [SimpleNamespace(name="team-1-webhook")]
    gateway.lacking = True
    assert run(["event", "list", "--subscriber", "team-1-webhook", "--format", "json"]) == 0
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)) == found
    assert ("no events match" in shown.err) is (found == 0)
    assert "this list may lack events for team-1-webhook" in shown.err.splitlines()[-1]
    assert run(["event", "list"]) == 0
    assert "may lack" not in capsys.readouterr().err


def test_a_list_says_what_its_lines_leave_out(gateway: Empty, capsys: pytest.CaptureFixture[str]) -> None:
    row = EventRow(
        event_id="1", type="t", source="/s", outcome="failed", emitted_at=NOW, workflow_id="w", more_troubled=True
    )
    gateway.found = EventPage(rows=[row.knowing(["failed:a", "a"], 1)])
    assert run(["event", "list"]) == 0
    assert "im event show EVENT has all" in capsys.readouterr().err
    assert run(["event", "list", "--subscriber", "a"]) == 0
    said = capsys.readouterr()
    assert "failed or delivered" in said.out
    assert "im why EVENT a" in said.err
