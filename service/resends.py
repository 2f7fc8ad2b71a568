"""Events that are sent again: what the receiver may get twice, or not before the end of a pause, is said."""

from collections.abc import Iterable, Iterator

from domain.errors import InvalidRequestError
from domain.event_types import SUBSCRIBER_TEST
from domain.events import CloudEvent
from domain.explanations import Verdict
from domain.operational import told_of
from domain.outcomes import FINAL_STATES
from domain.receipts import PublishReceipt
from domain.why_unwanted import left_out
from service.event_views import EventView
from service.subscriber_views import SubscriberView


class Resent(PublishReceipt):
    """What became of a resend.

    Attributes:
        workflow_id: of the new delivery.
        warnings: a sentence for each subscriber that is paused, or that an earlier delivery is still to tell.
    """

    workflow_id: str
    warnings: list[str]


def check_wanted(subscriber: SubscriberView, event: CloudEvent) -> None:
    """Raise `InvalidRequestError` for an event that a subscriber would not be told of, by its settings of now."""
    if reason := _refusal(subscriber, event):
        raise InvalidRequestError(reason=reason)


def _refusal(subscriber: SubscriberView, event: CloudEvent) -> str | None:
    """Why a subscriber would not be told of an event, and what to do; None where it would.

    A test is for whom it names, whatever the patterns.
    """
    if told_of(event) == subscriber.name:
        return f"the event tells of {subscriber.name}, which is never told of itself"
    reason = left_out(subscriber, event.type, event.severity)
    if reason is None or (event.type == SUBSCRIBER_TEST and reason.verdict is not Verdict.DISABLED):
        return None
    do = f"to have it told: {reason.mend}" if reason.mend else "; ".join(reason.advice)
    return f"{subscriber.name} would not be told of it: {reason.why}; {do}"


def remarks(
    event: EventView, subscribers: Iterable[SubscriberView], only: str | None, without: str | None = None
) -> Iterator[str]:
    """What there is to know of an event that is sent again.

    Args:
        event: with its earlier deliveries.
        subscribers: all that there are.
        only: the one that it is sent to; None for those that want it.
        without: the workflow of the resend, which is no earlier delivery.
    """
    if only is None and event.event.type == SUBSCRIBER_TEST:
        return
    earlier = [one for run in event.runs if run.workflow_id != without for one in run.deliveries]
    for each in subscribers:
        if only not in {None, each.name} or _refusal(each, event.event):
            continue
        if each.paused:
            yield (
                f"{each.name} is paused ({each.paused.reason}): this waits for the end of the pause, "
                f"im subscriber resume {each.name}"
            )
        going_on = [one.state for one in earlier if one.subscriber == each.name and one.state not in FINAL_STATES]
        if going_on:
            yield (
                f"{each.name} has not been told by an earlier delivery, which goes on too ({going_on[-1]}): it may get "
                "the event twice, under the same id"
            )
