"""An empty list, and whether what it names is there."""

from typing import Any, cast

import pytest

from domain.errors import (
    ImError,
    IncidentNotFoundError,
    InvalidRequestError,
    SubscriberNotFoundError,
    TemporalUnavailableError,
)
from domain.replay_errors import UnknownIncidentError, UnknownSubscriberError
from service.event_list import EventFilter, EventPage, EventRow
from service.filter_checks import check_empty, check_watched, doubts
from service.gateway import Gateway
from tests.support.builders import NOW

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


class Crowded:
    """Says whether events have more subscribers than can be named; or cannot say."""

    def __init__(self, *, lacking: bool | None) -> None:
        self.events, self._lacking = self, lacking

    async def may_lack(self, _wanted: EventFilter) -> bool:
        if self._lacking is None:
            raise TemporalUnavailableError(address="a", namespace="n", reason="r")
        return self._lacking


@pytest.mark.parametrize(
    ("subscriber", "lacking", "said"), [("a", True, 1), ("a", False, 0), ("a", None, 0), (None, True, 0)]
)
async def test_a_list_of_one_subscriber_may_lack_events_with_more_than_can_be_named(
    subscriber: str | None, lacking: bool | None, said: int
) -> None:
    found = await doubts(cast("Gateway", Crowded(lacking=lacking)), EventFilter(subscriber=subscriber))
    assert len(found) == said
    assert all("may lack events for a" in each and "im why EVENT a" in each for each in found)
