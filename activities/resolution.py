"""The activity that finds out who wants an event, and how each is to be told."""

import itertools

from temporalio import activity

from activities import journal
from activities.directory import LeasedDirectory
from activities.gate import InlineGate
from activities.head_start import HeadStart
from activities.limits import LimitedDeliveries
from domain.directory import Directory
from domain.event_types import DELIVERY_EXHAUSTED
from domain.matches import Match, Resolution, ResolveRequest
from domain.operational import failure_is_told
from domain.retry import RetrySchedule
from domain.subscribers import Subscriber
from domain.tasks import INLINE_ONE_BY_ONE


class ResolutionActivities:
    """Resolves from this process's copy of the directory.

    Args:
        directory: who wants what.
        gate: who may be tried inline.
        limited: the queues of limited subscribers.
        publishing: this process's ENABLE_EVENT_PUBLISHING.
        head_start: what has begun before it was asked for.
    """

    def __init__(
        self,
        directory: LeasedDirectory,
        gate: InlineGate,
        limited: LimitedDeliveries,
        *,
        publishing: bool,
        head_start: HeadStart | None = None,
    ) -> None:
        self._directory = directory
        self._gate = gate
        self._limited = limited
        self._publishing = publishing
        self._head_start = head_start

    @activity.defn(name="resolve_subscribers")
    async def resolve_subscribers(self, request: ResolveRequest) -> Resolution:
        """Who wants each event now. Idempotent."""
        directory = await self._directory.current()
        wanting: dict[tuple[str, str | None], list[Match]] = {}
        kinds = list(zip(request.event_types, request.severities or itertools.repeat(None), strict=False))
        for kind in kinds:
            if kind not in wanting:
                wanted_by = self._directory.matching(directory, *kind, request.only)
                crowd = len(kinds) > 1 or len(wanted_by) > INLINE_ONE_BY_ONE
                wanting[kind] = [self._match(each, kind[0], crowd=crowd) for each in wanted_by]
            journal.EVENTS.labels("yes" if wanting[kind] else "no").inc()
        told_of = request.told_of or [None] * len(request.event_types)
        return Resolution(
            publishing=self._publishing,
            matches=[
                [match for match in wanting[each] if match.subscriber != about]
                for each, about in zip(kinds, told_of, strict=True)
            ],
            watchers=self._watchers(directory) if any(map(failure_is_told, request.event_types)) else [],
        )

    def _watchers(self, directory: Directory) -> list[str]:
        return [each.name for each in self._directory.matching(directory, DELIVERY_EXHAUSTED)[:2]]

    def _match(self, subscriber: Subscriber, event_type: str, *, crowd: bool) -> Match:
        name, pause = subscriber.name, subscriber.pause_for(event_type)
        begun = self._has_begun(name)
        fit = not pause and (self._gate.admits(name) or (crowd and self._gate.may_begin(name)))
        return Match(
            subscriber=subscriber.name,
            schedule=None if subscriber.schedule == RetrySchedule() else subscriber.schedule,
            since=subscriber.created_at,
            inline=begun or (fit and not subscriber.limited),
            ordered=subscriber.ordered,
            limits=self._limited.known(subscriber),  # Temporal is not asked: all others would wait for it, too
            paused=pause.reason if pause and not begun else None,
        )

    def _has_begun(self, subscriber: str) -> bool:
        run_id = activity.info().workflow_run_id or ""
        return self._head_start is not None and self._head_start.has_begun(run_id, subscriber)
