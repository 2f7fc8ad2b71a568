"""The activities of a replay: counting what it would send, finding the next events, sending them again."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from temporalio import activity

from activities.directory import LeasedDirectory
from domain.errors import InvalidInputError, TooLargeError
from domain.replays import (
    RECENT_KEPT,
    Found,
    Listed,
    PageRequest,
    Portion,
    PortionSent,
    Recent,
    Replayed,
    ReplayPage,
    Selection,
    Sent,
    Survey,
    SurveyRequest,
    refusal_of,
)
from domain.subscribers import Subscriber

HOPELESS = (InvalidInputError, TooLargeError)  # no retry mends these: they end the replay, which says why


class Resender(Protocol):
    """What these activities need of Temporal."""

    async def survey(self, selection: Selection, to: Subscriber, tell: Callable[[], None]) -> Survey:
        """What a selection comes to; ``tell`` is called now and then while it counts."""

    async def page(self, request: PageRequest, to: Subscriber) -> ReplayPage:
        """The next events of a selection."""

    async def send(self, replay: str, event: Replayed, to: str, recent: list[Recent]) -> tuple[Sent, Recent | None]:
        """Send one again, once for each replay; gives what those after it line up behind."""


class ReplayActivities:
    """Finds and sends.

    Args:
        directory: whether the subscriber still wants anything.
        resender: searches, and starts deliveries.
        publishing: this process's ENABLE_EVENT_PUBLISHING.
    """

    def __init__(self, directory: LeasedDirectory, resender: Resender, *, publishing: bool) -> None:
        self._directory = directory
        self._resender = resender
        self._publishing = publishing

    @activity.defn(name="survey_replay")
    async def survey(self, request: SurveyRequest) -> Found:
        """Count what would be sent. Idempotent."""
        to = await self._target(request.selection.to)
        refused = refusal_of(request.selection.to, to)
        if not self._publishing or refused or to is None:
            return Found(publishing=self._publishing, refused=refused)
        try:
            return Found(survey=await self._resender.survey(request.selection, to, activity.heartbeat))
        except HOPELESS as error:
            return Found(refused=str(error))

    @activity.defn(name="list_replayed")
    async def page(self, request: PageRequest) -> Listed:
        """The next events. Idempotent."""
        to = await self._target(request.selection.to)
        if (refused := refusal_of(request.selection.to, to)) or to is None:
            return Listed(refused=refused, paused=bool(to and to.enabled))
        try:
            return Listed(page=await self._resender.page(request, to))
        except HOPELESS as error:
            return Listed(refused=str(error))

    @activity.defn(name="send_replayed")
    async def send(self, portion: Portion) -> PortionSent:
        """Send events again, one interval after the other.

        Idempotent: an event's delivery has an id made of the replay's and its own. Done again after a crash, it finds
        what was sent before by that id, and counts it as sent, once.
        """
        again, loop = activity.info().attempt > 1, asyncio.get_running_loop()
        done, due, seen = PortionSent(), loop.time(), set[tuple[str, str]]()
        for event in portion.events:
            await asyncio.sleep(max(0.0, due - loop.time()))
            recent = [*portion.recent, *done.recent][-RECENT_KEPT:]
            try:
                outcome, mark = await self._resender.send(portion.replay, event, portion.to, recent)
            except HOPELESS as error:
                return done.model_copy(update={"refused": f"{event.event_id} cannot be sent: {error}"})
            due += portion.interval if outcome is Sent.SENT else 0
            first = (event.source, event.event_id) not in seen
            seen.add((event.source, event.event_id))
            done = done.after(Sent.SENT if again and first and outcome is Sent.REPEATED else outcome, mark)
            activity.heartbeat()
        return done

    async def _target(self, name: str) -> Subscriber | None:
        """The subscriber as it is now."""
        return (await self._directory.latest()).subscribers.get(name)
