"""What the options of a replay select, and whom it is sent to: checked before anything is searched."""

from collections.abc import Iterable

from domain.errors import InvalidRequestError
from domain.naming import given_as
from domain.patterns import check_patterns
from domain.replay_errors import SubscriberRemovedError, UnknownSubscriberError
from domain.replays import Selection
from domain.subscribers import Subscriber
from service.connection import Connection
from service.event_list import EventFilter, find_events
from service.replay_views import ReplayOptions, check_options
from service.subscribers import SubscriberGateway


async def selected(
    connection: Connection, subscribers: SubscriberGateway, options: ReplayOptions
) -> tuple[Selection, Subscriber]:
    """What the options select, and the subscriber that it is sent to. Whose events they are may have been removed.

    Raises:
        InvalidRequestError: the options contradict each other, or no time lies between since and until.
        InvalidReplayRateError: the rate is out of range.
        SubscriberRemovedError: there was one of that name, and it is said nowhere whom its events go to.
        UnknownSubscriberError: there is none of a name that was given, and no event was for one of that name.
    """
    name = check_options(options)
    selection = Selection(
        to=name,
        sent_to=options.subscriber if options.unreached or options.to else None,
        failed_only=options.unreached,
        undelivered=options.undelivered,
        types=check_patterns(options.types) if options.types else None,
        since=options.since,
        until=options.ends_at(),
        begun_before=options.looks_until(),
    )
    known = (await subscribers.snapshot(None)).subscribers or {}
    if options.subscriber is not None and options.subscriber not in known:
        await _check_removed(connection, options.subscriber, known, on=options.to not in {None, options.subscriber})
    if name not in known:
        with given_as("to" if options.to else "subscriber"):
            raise UnknownSubscriberError.among(name, known)
    return selection, known[name]


async def _check_removed(connection: Connection, name: str, known: Iterable[str], *, on: bool) -> None:
    """Raise an error for a name that nothing retained was for, or whose events are not sent ``on`` to another one."""
    try:
        were = await find_events(connection.client, EventFilter(subscriber=name, limit=1))
    except InvalidRequestError:  # a name that none can have
        raise UnknownSubscriberError.among(name, known) from None
    if not were.rows:
        raise UnknownSubscriberError.among(name, known)
    if not on:
        raise SubscriberRemovedError(name=name)
