"""An empty list, and whether what it names is there."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from domain.errors import (
    ImError,
    IncidentNotFoundError,
    InvalidRequestError,
    NoWorkerError,
    SubscriberNotFoundError,
)
from domain.replay_errors import UnknownIncidentError, UnknownSubscriberError
from service.event_list import EventFilter, EventPage, EventRow
from service.filter_checks import check_empty, check_watched, doubts
from service.gateway import Gateway
from tests.support.builders import NOW
from workflows.names import may_leave_out, subscriber_keywords, subscribers_named

ROW = EventRow(event_id="1", type="t", source="/s", outcome="delivered", emitted_at=NOW, workflow_id="event/1")


class Nothing:
    """No subscriber and no incident, but one event that was delivered."""

    def __init__(self, error: ImError | None = None) -> None:
        self._error = error

    async def get(self, _name: str) -> None:
        if self._error:
            raise self._error

    async def find(self, wanted: EventFilter) -> EventPage:
        known = {(None, "ORDER-7"), ("removed", None)}
        return EventPage(rows=[ROW] if not wanted.failed and (wanted.subscriber, wanted.incident) in known else [])

    @classmethod
    def gateway(cls) -> Gateway:
        made = cast("Any", cls())
        made.events = made
        made.subscribers = cls(SubscriberNotFoundError(name="removed"))
        made.incidents = cls(IncidentNotFoundError(incident_id="ORDER-7"))
        return cast("Gateway", made)


@pytest.mark.parametrize("named", [{"incident": "ORDER-7"}, {"subscriber": "removed"}])
async def test_what_has_events_of_another_kind_is_there(named: dict[str, str]) -> None:
    await check_empty(Nothing.gateway(), EventFilter(failed=True, **cast("Any", named)))


async def test_what_has_no_event_at_all_is_refused() -> None:
    with pytest.raises(UnknownIncidentError):
        await check_empty(Nothing.gateway(), EventFilter(failed=True, incident="ORDER-8"))
    with pytest.raises(UnknownSubscriberError):
        await check_empty(Nothing.gateway(), EventFilter(failed=True, subscriber="nosuch"))


async def test_an_incident_that_no_list_looks_for_is_not_watched() -> None:
    with pytest.raises(InvalidRequestError, match="cannot be looked for"):
        await check_watched(Nothing.gateway(), None, "'")


class Crowd:
    """So many subscribers with names of twelve characters; or nobody who could say."""

    def __init__(self, count: int | None) -> None:
        self.subscribers, self._count = self, count

    async def all(self) -> list[SimpleNamespace]:
        if self._count is None:
            raise NoWorkerError(queue="q", seconds=3)
        return [SimpleNamespace(name=f"webhook-{number:04}") for number in range(self._count)]


@pytest.mark.parametrize(
    ("count", "wanted", "doubtful"),
    [
        (46, {"subscriber": "webhook-0007"}, False),
        (47, {"subscriber": "webhook-0007"}, True),
        (46, {"subscriber": "removed-0007"}, True),
        (60, {"subscriber": "webhook-0007", "failed": True}, False),
        (80, {"subscriber": "webhook-0007", "failed": True}, True),
        (80, {"subscriber": "webhook-0007", "undelivered": True}, True),
        (500, {"failed": True}, False),
        (None, {"subscriber": "webhook-0007"}, False),
    ],
)
async def test_a_list_may_lack_events_where_there_are_more_subscribers_than_an_event_can_name(
    count: int | None, wanted: dict[str, Any], doubtful: bool
) -> None:
    said = await doubts(cast("Gateway", Crowd(count)), EventFilter(**wanted))
    assert [f"may lack events for {wanted['subscriber']}" in each for each in said] == [True] * doubtful


def test_a_name_is_left_out_only_where_that_is_said() -> None:
    crowd = [f"webhook-{number:04}" for number in range(120)]
    for count in range(1, len(crowd)):
        for state in ("cancelled", "failed", "delivered"):
            keywords = subscriber_keywords([(name, state) for name in crowd[:count]])
            if set(subscribers_named(keywords)) < set(crowd[:count]):
                assert may_leave_out(crowd[:count], in_trouble=False)
            if state == "failed" and sum(word.startswith("failed:") for word in keywords) < count:
                assert may_leave_out(crowd[:count], in_trouble=True)
