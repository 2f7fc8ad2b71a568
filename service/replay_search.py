"""Finds what a replay sends: events in Temporal's visibility store, oldest first, which the store cannot sort.

So the time that is searched is halved until what it holds is few enough to be read whole and sorted here.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowExecution

from domain.errors import InvalidRequestError
from domain.outcomes import DeliveryState
from domain.patterns import matches_any
from domain.replays import Cursor, PageRequest, Replayed, ReplayPage, Selection, Survey
from domain.subscribers import Subscriber
from service.accepted import when_accepted
from service.event_list import sent_to
from service.listing import instant, quoted
from service.progress import read_states
from service.temporal import answered
from workflows import names

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
MAX_RUNS = 100  # read at a time; each may carry a hundred events
MAX_WINDOWS = 30  # looked at for a page, in which nothing may be found; it may take a minute
MAX_FOUND = 200  # of a page, in which whole workflows stay together; each takes some 300 bytes of a 2 MiB payload
LOOKED_UP = 50  # events whose other deliveries are looked for by one query


class ReplaySearch:
    """Searches for events, as one client sees them (a second behind at most)."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def page(self, request: PageRequest, to: Subscriber) -> ReplayPage:
        """The next events of a selection that a subscriber wants, oldest first.

        Raises:
            ImError: Temporal or a worker is away.
        """
        found, fresh, cursor = await self._next(request, to)
        return ReplayPage(found=fresh, skipped=len(found) - len(fresh), cursor=cursor)

    async def _next(self, request: PageRequest, to: Subscriber) -> tuple[list[Replayed], list[Replayed], Cursor | None]:
        """The next events, those of them that are to be sent, and where it goes on."""
        selection, cursor = request.selection, request.cursor
        query, end = _query(selection, to), selection.begun_before or selection.until
        place = cursor or Cursor(at=selection.since or EPOCH)
        for _ in range(MAX_WINDOWS):
            runs, following = await self._window(query, place, end)
            found: list[Replayed] = []
            for at, together in itertools.groupby(runs, key=lambda run: run.start_time):
                if len(found) >= MAX_FOUND:
                    following = Cursor(at=at, step=following.step)
                    break
                found += [event for run in together for event in await self._events(run, selection, to)]
            place = following
            if found or place.at >= end:
                break
        fresh = await self._unreached(found, selection)
        return found, fresh, place if place.at < end else None

    async def survey(
        self, selection: Selection, to: Subscriber, tell: Callable[[], None] = lambda: None, limit: int | None = None
    ) -> Survey:
        """What a selection comes to, each event counted once; given up past ``limit`` events."""
        tally, cursor = Tally(), None
        while True:
            found, fresh, cursor = await self._next(PageRequest(selection=selection, cursor=cursor), to)
            tally.add(found, fresh)
            tell()
            if cursor is None:
                return tally.survey
            if limit is not None and tally.survey.matched >= limit:
                return tally.survey.model_copy(update={"complete": False})

    async def _window(self, query: str, place: Cursor, until: datetime) -> tuple[list[WorkflowExecution], Cursor]:
        """The workflows that started in the next stretch of time, and where the one after it begins."""
        end = until if place.step is None else min(until, place.at + place.step)
        while True:
            window = f"{query} AND StartTime >= {instant(place.at)} AND StartTime < {instant(end)}"
            async with answered(self._client):
                count = (await self._client.count_workflows(window)).count
            if count <= MAX_RUNS or end - place.at <= TICK:
                break
            end = place.at + (end - place.at) / 2
        following = Cursor(at=end, step=2 * (end - place.at))
        if not count:
            return [], following
        async with answered(self._client):
            runs = [run async for run in self._client.list_workflows(window)]
        return sorted(runs, key=lambda run: run.start_time), following

    async def _events(self, run: WorkflowExecution, selection: Selection, to: Subscriber) -> list[Replayed]:
        """The events of a workflow that a selection takes."""
        carried, at = await run.memo_value(names.EVENTS_MEMO, []), await when_accepted(run)
        if at >= selection.until or (selection.since and at < selection.since):
            return []
        if len(carried) == 1:  # an older version wrote no severity beside the event
            carried[0].setdefault("severity", run.typed_search_attributes.get(names.SEVERITY))
        taken = [place for place, event in enumerate(carried) if _takes(selection, to, event)]
        if taken and selection.sent_to and len(carried) > 1:  # its keywords do not tell which of them it was
            states = [states.get(selection.sent_to) for states in await read_states(self._client, run)]
            meant = _meant(selection)
            taken = [place for place in taken if place < len(states) and states[place] in meant]
        return [
            Replayed(
                event_id=carried[place]["id"],
                source=carried[place]["source"],
                type=carried[place]["type"],
                at=at,
                workflow_id=run.id,
                run_id=run.run_id,
                place=place,
            )
            for place in taken
        ]

    async def _unreached(self, found: list[Replayed], selection: Selection) -> list[Replayed]:
        """Those that failed and have reached neither whom they failed for since, nor whom they are to be sent to."""
        if not selection.failed_only or selection.sent_to is None:
            return found
        reached: set[tuple[str, str]] = set()
        meant = sorted({selection.sent_to, selection.to})
        for begin in range(0, len(found), LOOKED_UP):
            hashes = sorted({names.event_id_hash(event.event_id) for event in found[begin : begin + LOOKED_UP]})
            query = f"WorkflowType = 'EventWorkflow' AND {names.SUBSCRIBERS.name} IN ({_listed(meant)})"
            query += f" AND {names.EVENT_IDS.name} IN ({_listed(hashes)})"
            async with answered(self._client):
                async for run in self._client.list_workflows(query):
                    carried = await run.memo_value(names.EVENTS_MEMO, [])
                    if len(carried) == 1 and any(_reaches(run, each) for each in meant):
                        reached.add((carried[0]["source"], carried[0]["id"]))
        return [event for event in found if (event.source, event.event_id) not in reached]


def check_findable(selection: Selection, to: Subscriber) -> None:
    """Raise `InvalidRequestError` for a type that the store cannot be asked for, before a replay asks in vain."""
    _query(selection, to)


def _query(selection: Selection, to: Subscriber) -> str:
    """The list filter for workflows that may carry events of a selection; refused ones emitted nothing."""
    conditions = ["WorkflowType = 'EventWorkflow'", "ExecutionStatus != 'Failed'"]
    if selection.sent_to:
        unreached = selection.failed_only
        conditions.append(sent_to(selection.sent_to, failed=unreached, undelivered=selection.undelivered))
    patterns = selection.types or to.types
    if not any("*" in pattern for pattern in patterns):
        conditions.append(f"{names.EVENT_TYPES.name} IN ({_listed(patterns)})")
    return " AND ".join(conditions)


def _listed(patterns: Sequence[str]) -> str:
    try:
        return ", ".join(map(quoted, patterns))
    except InvalidRequestError as error:
        raise InvalidRequestError(reason=f"{error}; give types with a wildcard instead, such as **") from None


def _meant(selection: Selection) -> set[DeliveryState]:
    """In which states deliveries of events that share a workflow are taken."""
    if not selection.failed_only:
        return set(DeliveryState)
    return {DeliveryState.FAILED} | ({DeliveryState.CANCELLED} if selection.undelivered else set())


def _takes(selection: Selection, to: Subscriber, event: Mapping[str, Any]) -> bool:
    wanted = to.wants(event["type"], event.get("severity"))
    return wanted and (selection.types is None or matches_any(selection.types, event["type"]))


def _reaches(run: WorkflowExecution, subscriber: str) -> bool:
    """Whether the workflow of one event has delivered it to a subscriber, or still tries to."""
    keywords = run.typed_search_attributes.get(names.SUBSCRIBERS, [])
    if subscriber not in keywords:
        return False
    states = {word.removesuffix(f":{subscriber}") for word in keywords if word.endswith(f":{subscriber}")}
    return not states & {DeliveryState.FAILED.value, DeliveryState.CANCELLED.value}


class Tally:
    """Counts each event once, in however many workflows it travels: its own, resends of it, replays."""

    def __init__(self) -> None:
        self.survey = Survey()
        self._known: set[tuple[str, str]] = set()

    def add(self, found: Sequence[Replayed], fresh: Sequence[Replayed]) -> None:
        """Count what was found, of which ``fresh`` is to be sent."""
        matched, so_far = self._first_seen(fresh), self.survey
        by_type = Counter(so_far.by_type) + Counter(event.type for event in matched)
        self.survey = Survey(
            matched=so_far.matched + len(matched),
            skipped=so_far.skipped + len(self._first_seen(found)),
            by_type=dict(sorted(by_type.items())),
            first=so_far.first or (matched[0] if matched else None),
            last=matched[-1] if matched else so_far.last,
        )

    def _first_seen(self, events: Sequence[Replayed]) -> list[Replayed]:
        seen = []
        for event in events:
            if (key := (event.source, event.event_id)) not in self._known:
                self._known.add(key)
                seen.append(event)
        return seen
