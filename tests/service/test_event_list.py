"""What a list of events and a watch say of each, as Temporal's visibility store has it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from service.changes import EventChange, Watch, _changes
from service.event_list import EventFilter, _query, find_events, lacking
from service.event_rows import EventRow, lack_trouble, rows_of
from service.listing import quoted
from service.progress import run_kind
from tests.support.builders import NOW, make_event
from workflows import names
from workflows.listed import incident_mark

CANCELLED = names.subscriber_keywords([("a", "cancelled"), ("b", "delivered")])


class Store:
    """Has these workflows, and nobody else's."""

    def __init__(self, *runs: "Run") -> None:
        self.runs = runs

    async def list_workflows(self, query: str, limit: int | None = None) -> AsyncIterator["Run"]:
        for each in self.runs[:limit]:
            if "WorkflowId IN" not in query or quoted(each.id) in query:
                yield each


@dataclass
class Run:
    """A workflow that has ended, as a list of the store has it."""

    events: int
    outcome: str
    keywords: list[str]
    id: str = "event/1@00000000"
    run_id: str = "a-1"
    status: WorkflowExecutionStatus = WorkflowExecutionStatus.COMPLETED
    start_time: Any = field(default=NOW)
    first: int = 0
    close_time: Any = field(default=NOW)
    outcomes: list[str] | None = None
    accepted: Any = None
    types: int = 1
    attribute: str | None = None
    incidents: dict[str, str] = field(default_factory=dict)
    severities: dict[str, str] = field(default_factory=dict)
    worst: str | None = None

    @property
    def typed_search_attributes(self) -> TypedSearchAttributes:
        pairs: list[Any] = [
            SearchAttributePair(names.OUTCOME, self.outcome),
            SearchAttributePair(names.SUBSCRIBERS, self.keywords),
            *([SearchAttributePair(names.INCIDENT, self.attribute)] if self.attribute else []),
            *([SearchAttributePair(names.SEVERITY, self.worst)] if self.worst else []),
        ]
        return TypedSearchAttributes(pairs)

    async def memo_value(self, name: str, default: Any) -> Any:
        if name == names.OUTCOMES_MEMO:
            return self.outcomes or default
        if name == names.ACCEPTED_MEMO:
            return self.accepted.isoformat() if self.accepted else default
        numbers = range(self.first, self.first + self.events)
        told = [{"id": str(number), "type": f"t{number % self.types}", "source": "/s"} for number in numbers]
        for key, known in (("incident", self.incidents), ("severity", self.severities)):
            told = [each | ({key: known[each["id"]]} if each["id"] in known else {}) for each in told]
        return told


def run(events: int = 1) -> WorkflowExecution:
    return cast("WorkflowExecution", Run(events, "delivered", CANCELLED))


async def test_what_was_cancelled_for_one_is_said_though_it_was_delivered_to_others() -> None:
    (row,) = [row async for row in rows_of(run())]
    assert (row.outcome, row.troubled, row.subscribers) == ("delivered", ["cancelled:a"], ["a", "b"])
    assert (row.states_of("a"), row.states_of("b"), row.states_of("c")) == (["cancelled"], ["delivered"], [])
    assert [row.troubled async for row in rows_of(run(events=2))] == [[], []]  # of which of them is not known


def rest_id(burst: Run, event_id: str) -> str:
    """The id of the workflow that goes on with one of its events."""
    return names.event_workflow_id_of(event_id, "/s") + names.continued_from(burst.run_id)


def rest(ago: timedelta) -> Run:
    """What goes on of an event that was accepted so long before."""
    return Run(1, "retrying", ["retrying:a"], id="event/1@00000000/rest-a1", accepted=NOW - ago)


async def test_what_goes_on_of_an_event_was_emitted_when_it_was_accepted_not_when_that_began() -> None:
    began = [rest(timedelta(minutes=9)), Run(1, "retrying", ["retrying:a"], id="event/2@00000000/rest-a1")]
    found = [row for each in began async for row in rows_of(cast("WorkflowExecution", each))]
    assert [row.emitted_at for row in found] == [NOW - timedelta(minutes=9), NOW]  # the latter is of an older version
    assert {row.kind for row in found} == {"rest"}


@pytest.mark.parametrize(("since", "listed"), [(timedelta(minutes=10), 1), (timedelta(minutes=8), 0)])
async def test_since_goes_by_when_an_event_was_accepted(since: timedelta, listed: int) -> None:
    store = Store(rest(timedelta(minutes=9)))
    page = await find_events(cast("Client", cast("Any", store)), EventFilter(since=NOW - since))
    assert len(page.rows) == listed


@pytest.mark.parametrize(("keyword", "shown"), [("retrying:a", "retrying"), ("pending:a", "pending")])
async def test_the_outcome_and_the_trouble_of_an_event_agree(keyword: str, shown: str) -> None:
    run = Run(1, "pending", [keyword, "a"], status=WorkflowExecutionStatus.RUNNING)
    (row,) = [row async for row in rows_of(cast("WorkflowExecution", run))]
    assert (row.outcome, row.troubled) == (shown, [keyword])


@pytest.mark.parametrize(
    ("told", "outcome", "shown"),
    [
        (["delivered", "failed"], "failed", ["delivered", "failed"]),
        (["pending", "failed"], "failed", ["failed", "failed"]),
        (["pending", "delivered"], "delivered", ["delivered", "delivered"]),
        (["waiting", "pending"], "handed_over", ["handed_over", "handed_over"]),
        (["of a newer version", "delivered"], "delivered", ["of a newer version", "delivered"]),
    ],
)
async def test_outcomes_that_differed_before_all_became_alike_are_not_shown(
    told: list[str], outcome: str, shown: list[str]
) -> None:
    ended = cast("WorkflowExecution", Run(2, outcome, [], outcomes=told))
    assert [row.outcome async for row in rows_of(ended)] == shown


async def test_what_goes_on_alone_is_listed_once_while_the_others_of_its_burst_wait_for_their_workflows() -> None:
    alone = names.event_workflow_id_of("1", "/s")
    burst = Run(3, "retrying", [], id="events/a", outcomes=["retrying", "retrying", "delivered"])
    rest = Run(1, "waiting", [], id=alone + names.continued_from("a-1"), run_id="c-3", first=1)
    other = Run(
        1, "retrying", [], id=alone + names.continued_from("b-2"), run_id="d-4", first=1
    )  # of another burst, sent again
    page = await find_events(cast("Client", cast("Any", Store(burst, rest, other))), EventFilter())
    listed = [(row.event_id, row.outcome, row.kind) for row in page.rows]
    assert sorted(listed) == [
        ("0", "retrying", "original"),
        ("1", "retrying", "rest"),
        ("1", "waiting", "rest"),
        ("2", "delivered", "original"),
    ]


async def test_a_watch_of_one_subscriber_is_told_what_became_of_it_there() -> None:
    (change,) = [change async for change in _changes(run())]
    assert isinstance(change, EventChange)
    assert change.states_of("a") == ["cancelled"]


async def test_a_watch_of_one_subscriber_hears_the_end_where_the_event_goes_on_for_others() -> None:
    keywords = names.subscriber_keywords([("a", "delivered"), ("b", "retrying")])
    burst = Run(2, "handed_over", keywords, id="events/a", outcomes=["handed_over", "handed_over"])
    changes = [change async for change in _changes(cast("WorkflowExecution", burst))]
    told = {
        name: [each.event_id for each in changes if Watch(subscriber=name).wants(each)] for name in ("a", "b", None)
    }
    assert told == {"a": ["0", "1"], "b": [], None: []}
    assert [each.about("a").state for each in changes] == ["delivered", "delivered"]


@pytest.mark.parametrize(
    ("wanted", "condition"),
    [
        (
            {"subscriber": "a"},
            "ImSubscribers IN ('a', 'pending:a', 'waiting:a', 'retrying:a', 'failed:a', 'cancelled:a')",
        ),
        ({"subscriber": "a", "failed": True}, "ImSubscribers IN ('failed:a')"),
        ({"subscriber": "a", "undelivered": True}, "ImSubscribers IN ('failed:a', 'cancelled:a')"),
        ({"failed": True}, "(ImSubscribers = 'any:failed' OR ImOutcome = 'failed')"),
        (
            {"undelivered": True},
            "(ImSubscribers IN ('any:failed', 'any:cancelled') OR ImOutcome IN ('failed', 'cancelled'))",
        ),
        ({"incident": "INC-7"}, f"(ImIncidentId = 'INC-7' OR ImEventTypes = '{incident_mark('INC-7')}')"),
    ],
)
def test_what_is_asked_is_looked_for(wanted: dict[str, Any], condition: str) -> None:
    assert _query(EventFilter(**wanted)) == f"WorkflowType = 'EventWorkflow' AND {condition}"


def test_an_event_that_was_cancelled_for_somebody_is_marked_so() -> None:
    assert CANCELLED == ["any:cancelled", "cancelled:a", "a", "b"]
    assert names.subscriber_keywords([("a", "failed")])[0] == "any:failed"
    assert names.subscriber_keywords([("a", "delivered")]) == ["a"]


def test_whoever_an_event_waits_for_is_marked_where_not_all_fit() -> None:
    waiting = [(f"team-{number}-webhook", "waiting") for number in range(300)]
    keywords = names.subscriber_keywords([*waiting, ("z", "failed")])
    assert {names.waiting_mark(name) for name, _ in waiting} <= set(keywords)
    assert "failed:z" in keywords
    assert sum(len(word) + 3 for word in keywords) <= names.KEYWORDS_BYTES
    assert "w#" not in "".join(names.subscribers_named(keywords))
    assert names.subscriber_keywords(waiting[:3])[:3] == [f"waiting:{name}" for name, _ in waiting[:3]]


def test_what_goes_on_alone_is_named_by_all_of_the_run_that_it_comes_from() -> None:
    event, runs = make_event(), ("019f2f5e-7d3a-7000-8000-00000000000a", "019f2f5e-9d3a-7000-8000-00000000000b")
    ids = [names.continued_workflow_id(event, run) for run in runs]
    assert ids[0] != ids[1]
    assert {run_kind(each) for each in ids} == {"rest"}


async def test_who_is_named_among_those_in_trouble_alone_is_watched_too() -> None:
    cut = cast("WorkflowExecution", Run(1, "failed", ["any:failed", "failed:a", "b"]))
    (change,) = [change async for change in _changes(cut)]
    assert [Watch(subscriber=name).wants(change) for name in ("a", "b", "c")] == [True, True, False]
    assert Watch(subscriber="a", failed=True).wants(change)


@pytest.mark.parametrize("state", ["cancelled", "failed", "delivered"])
def test_where_a_name_is_left_out_that_is_said(state: str) -> None:
    crowd = [f"webhook-{number:04}" for number in range(200)]
    for count in range(1, len(crowd)):
        keywords = names.subscriber_keywords([(name, state) for name in crowd[:count]])
        told = [word for word in keywords if word not in names.MARKS]
        troubled = sum(word.startswith(f"{state}:") for word in told)
        assert (names.NAMES_LEFT_OUT in keywords) is (sum(":" not in word for word in told) < count)
        assert lack_trouble(keywords) is (state != "delivered" and troubled < count)
        assert (names.TROUBLE_LEFT_OUT in keywords) is (state != "delivered" and troubled < count)
        assert sum(len(word) + 3 for word in keywords) <= names.KEYWORDS_BYTES


@pytest.mark.parametrize(
    ("subscriber", "failed", "lacks"),
    [
        ("webhook-0000", True, False),
        ("webhook-0199", True, True),
        ("webhook-0000", False, False),
        ("left-out", False, True),
    ],
)
async def test_a_list_may_lack_what_has_more_subscribers_than_can_be_named(
    subscriber: str, failed: bool, lacks: bool
) -> None:
    keywords = names.subscriber_keywords([(f"webhook-{number:04}", "failed") for number in range(200)])
    client = cast("Client", cast("Any", Store(Run(1, "failed", keywords))))
    found = await lacking(client, EventFilter(subscriber=subscriber, failed=failed))
    assert [row.event_id for row in found or []] == (["0"] if lacks else [])


async def test_a_list_lacks_nothing_where_everybody_is_named() -> None:
    assert await lacking(cast("Client", cast("Any", Store())), EventFilter(subscriber="a")) == []


async def found(*runs: Run, **wanted: Any) -> list[EventRow]:
    return (await find_events(cast("Client", cast("Any", Store(*runs))), EventFilter(**wanted))).rows


@pytest.mark.parametrize(("subscriber", "state"), [("a", "delivered"), ("b", "retrying"), ("c", "cancelled")])
async def test_a_list_of_one_subscribers_events_has_its_own_state(subscriber: str, state: str) -> None:
    keywords = names.subscriber_keywords([("a", "delivered"), ("b", "retrying"), ("c", "cancelled")])
    (row,) = await found(Run(1, "retrying", keywords), subscriber=subscriber)
    assert (row.outcome, row.state, row.states_of(subscriber)) == ("retrying", state, [state])


@pytest.mark.parametrize(
    ("states", "subscriber", "types", "told"),
    [
        ([("a", "delivered"), ("b", "failed")], "a", 1, [["delivered"], ["delivered"]]),
        ([("a", "delivered"), ("b", "failed")], "b", 1, [["failed", "delivered"], ["delivered"]]),
        ([("a", "delivered"), ("b", "failed")], "a", 2, [["delivered", "unmatched"]] * 2),
        ([("a", "retrying"), ("b", "failed")], "a", 1, [["retrying", "delivered"], ["delivered"]]),
        ([("a", "cancelled"), ("b", "failed")], "a", 1, [["delivered", "cancelled"], ["delivered", "cancelled"]]),
    ],
)
async def test_of_events_that_share_a_workflow_it_is_said_what_a_state_may_be(
    states: list[tuple[str, str]], subscriber: str, types: int, told: list[list[str]]
) -> None:
    outcomes = ["failed", "delivered", "unmatched"]
    keywords = names.subscriber_keywords(states)
    running = WorkflowExecutionStatus.RUNNING
    burst = Run(3, "failed", keywords, id="events/a", outcomes=outcomes, types=types, status=running)
    rows = await found(burst, subscriber=subscriber)
    assert [(row.event_id, row.states_of(subscriber)) for row in rows] == list(zip("01", told, strict=True))
    assert [row.state for row in rows] == [each[0] if len(each) == 1 else None for each in told]


async def test_of_events_of_other_severities_it_is_not_known_either_which_are_for_a_subscriber() -> None:
    keywords = names.subscriber_keywords([("a", "delivered")])
    for severities, told in (
        ({"0": "SEV-1"}, ["delivered", "unmatched"]),
        ({"0": "SEV-1", "1": "SEV-1"}, ["delivered"]),
    ):
        burst = Run(2, "delivered", keywords, id="events/a", severities=severities)
        assert [row.states_of("a") for row in await found(burst, subscriber="a")] == [told] * 2


async def test_what_cannot_have_failed_for_a_subscriber_is_not_listed_as_failed_for_it() -> None:
    burst = Run(2, "failed", names.subscriber_keywords([("a", "delivered"), ("b", "failed")]), id="events/a")
    assert [len(await found(burst, subscriber=name, failed=True)) for name in ("a", "b")] == [0, 2]


async def test_of_whom_not_all_are_named_for_whom_it_waits_two_states_are_possible() -> None:
    crowd = [(f"webhook-{number:04}", "waiting") for number in range(90)]
    keywords = names.subscriber_keywords([*crowd, ("z", "failed"), ("a", "delivered")])
    (row,) = await found(Run(1, "waiting", keywords), subscriber="webhook-0000")
    assert (row.state, row.states_of("webhook-0000")) == (None, ["waiting", "delivered"])
    assert (row.more_troubled, row.more_subscribers, row.troubled) == (True, True, ["failed:z"])


@pytest.mark.parametrize(("count", "cut"), [(10, False), (90, True)])
async def test_a_row_says_that_more_are_in_trouble_than_it_names(count: int, cut: bool) -> None:
    keywords = names.subscriber_keywords([(f"webhook-{number:04}", "failed") for number in range(count)])
    (row,) = await found(Run(1, "failed", keywords))
    assert (row.more_troubled, row.more_subscribers) == (cut, cut)
    assert set(row.subscribers) >= {word.removeprefix("failed:") for word in row.troubled} > set()


@pytest.mark.parametrize(("pattern", "count"), [(None, 2), ("t0", 1), ("u.*", 0)])
async def test_events_of_other_types_are_not_lacking(pattern: str | None, count: int) -> None:
    keywords = names.subscriber_keywords([(f"webhook-{number:04}", "failed") for number in range(200)])
    client = cast("Client", cast("Any", Store(Run(2, "failed", keywords, types=2))))
    found = await lacking(client, EventFilter(subscriber="webhook-0199", type=pattern))
    assert found is not None
    assert len(found) == count


async def test_of_very_many_crowded_events_it_is_not_known_which_are_lacking() -> None:
    crowd = [Run(1, "failed", ["a"], start_time=NOW + timedelta(seconds=number)) for number in range(300)]
    assert await lacking(cast("Client", cast("Any", Store(*crowd))), EventFilter(subscriber="a")) is None


@pytest.mark.parametrize(
    ("subscriber", "listed"), [("a", ["delivered", "delivered"]), ("b", ["retrying", "delivered"])]
)
async def test_what_was_told_before_the_rest_went_on_elsewhere_is_listed_for_whom_it_was(
    subscriber: str, listed: list[str]
) -> None:
    keywords = names.subscriber_keywords([("a", "delivered"), ("b", "delivered"), ("b", "retrying")])
    burst = Run(2, "handed_over", keywords, id="events/a", outcomes=["handed_over", "delivered"])
    rest = Run(1, "retrying", ["b", "retrying:b"], id=rest_id(burst, "0"), run_id="b-1")
    assert [row.state for row in await found(rest, burst, subscriber=subscriber)] == listed
    assert [row.event_id for row in await found(rest, burst)] == ["0", "1"]


async def test_what_an_ended_burst_left_open_is_told_by_the_workflow_that_goes_on_or_was_done() -> None:
    words = names.subscriber_keywords([("a", "delivered"), ("a", "pending"), ("b", "failed")])
    burst = Run(3, "failed", words, id="events/1", outcomes=["failed", "handed_over", "delivered"])
    going_on = rest_id(burst, "0")
    goes_on = Run(1, "pending", ["a", "pending:a"], id=going_on, run_id="b-1")
    assert [(row.event_id, row.workflow_id, row.state) for row in await found(goes_on, burst, subscriber="a")] == [
        ("0", going_on, "pending"),
        ("1", "events/1", "delivered"),
        ("2", "events/1", "delivered"),
    ]
    everybody = await found(goes_on, burst)
    assert [row.troubled for row in everybody if row.workflow_id == "events/1"] == [["failed:b"], []]


@pytest.mark.parametrize(
    ("attribute", "incidents", "shown", "listed"),
    [
        ("A", {"0": "A"}, ["A", None, None], ["0"]),
        (None, {"0": "A", "1": "B"}, ["A", "B", None], ["0"]),
        ("A", {}, ["A", "A", "A"], ["0", "1", "2"]),  # of an older version: it is not known which
        (None, {}, [None, None, None], []),
    ],
)
async def test_of_several_events_each_has_its_own_incident(
    attribute: str | None, incidents: dict[str, str], shown: list[str | None], listed: list[str]
) -> None:
    batch = Run(3, "delivered", [], id="events/batch-1", attribute=attribute, incidents=incidents)
    assert [row.incident_id for row in await found(batch)] == shown
    assert [row.event_id for row in await found(batch, incident="A")] == listed
    changes = [change async for change in _changes(cast("WorkflowExecution", batch))]
    assert [each.event_id for each in changes if Watch(incident="A").wants(each)] == listed


async def test_events_of_other_incidents_are_not_lacking() -> None:
    keywords = names.subscriber_keywords([(f"webhook-{number:04}", "failed") for number in range(200)])
    store = cast("Client", cast("Any", Store(Run(2, "failed", keywords, incidents={"0": "A", "1": "B"}))))
    (row,) = await lacking(store, EventFilter(subscriber="webhook-0199", incident="B")) or []
    assert row.event_id == "1"
