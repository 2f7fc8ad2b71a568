"""An empty list, and whether what it names is there."""

from datetime import timedelta
from typing import Any, cast

import pytest

from domain.errors import ImError, InvalidRequestError, TemporalUnavailableError
from domain.incident_errors import IncidentNotFoundError
from domain.replay_errors import UnknownIncidentError, UnknownSubscriberError
from domain.subscriber_errors import SubscriberNotFoundError
from domain.subscribers import Subscriber
from service.event_list import EventFilter, EventPage
from service.event_rows import EventRow
from service.filter_checks import check_empty, check_watched, doubts
from service.gateway import Gateway
from service.subscriber_views import SubscriberView, view
from tests.support.builders import NOW, make_subscriber

ROW = EventRow(event_id="1", type="t", source="/s", outcome="delivered", emitted_at=NOW, workflow_id="event/1")
DISABLED = "a is disabled: it is told of nothing until im subscriber enable a"


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

    def __init__(self, *, lacking: bool | None, known: Subscriber | None = None) -> None:
        self.events, self.subscribers, self._lacking, self._known = self, self, lacking, known

    async def get(self, name: str) -> SubscriberView:
        if self._known is None:
            raise SubscriberNotFoundError(name=name)
        return view(self._known)

    async def lacking(self, _wanted: EventFilter) -> list[EventRow] | None:
        if self._lacking is None:
            raise TemporalUnavailableError(address="a", namespace="n", reason="r")
        return [ROW.model_copy(update={"type": "im.incident.declared.v1"})] if self._lacking else []


@pytest.mark.parametrize(
    ("subscriber", "lacking", "said"), [("a", True, 1), ("a", False, 0), ("a", None, 0), (None, True, 0)]
)
async def test_a_list_of_one_subscriber_may_lack_events_with_more_than_can_be_named(
    subscriber: str | None, lacking: bool | None, said: int
) -> None:
    found = await doubts(cast("Gateway", Crowded(lacking=lacking)), EventFilter(subscriber=subscriber), look_up=True)
    assert len(found) == said
    assert all("may lack events for a" in each and "im why EVENT a" in each for each in found)


@pytest.mark.parametrize(
    ("types", "changed", "said"),
    [
        (["other.**"], timedelta(minutes=-1), 0),
        (["other.**"], timedelta(minutes=1), 1),  # it may have asked for others then
        (["im.**"], timedelta(minutes=-1), 1),
    ],
)
async def test_a_list_lacks_no_events_of_types_that_the_subscriber_never_asked_for(
    types: list[str], changed: timedelta, said: int
) -> None:
    known = make_subscriber("https://a.example/", name="a", types=types)
    gateway = Crowded(lacking=True, known=known.model_copy(update={"updated_at": NOW + changed}))
    assert len(await doubts(cast("Gateway", gateway), EventFilter(subscriber="a"), look_up=False)) == said


async def test_a_mistyped_subscriber_is_answered_with_the_one_that_was_meant() -> None:
    gateway = Nothing.gateway()
    cast("Any", gateway).subscribers = Nothing(SubscriberNotFoundError.among("billnig", ["ops", "billing"]))
    with pytest.raises(UnknownSubscriberError) as refused:
        await check_watched(gateway, "billnig", None)
    assert refused.value.advice == "Did you mean billing? See the names with: im subscriber list."


@pytest.mark.parametrize(
    ("enabled", "look_up", "said"), [(True, True, []), (False, True, [DISABLED]), (False, False, [])]
)
async def test_a_list_of_a_disabled_subscriber_says_so_where_that_is_looked_up(
    enabled: bool, look_up: bool, said: list[str]
) -> None:
    known = make_subscriber("https://a.example/", name="a", enabled=enabled)
    gateway = cast("Gateway", Crowded(lacking=False, known=known))
    assert await doubts(gateway, EventFilter(subscriber="a"), look_up=look_up) == said
