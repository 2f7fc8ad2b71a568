"""An event was meant for a subscriber: where its delivery stands, why, and what comes next."""

import shlex
from datetime import datetime

from domain import timing
from domain.explanations import Carrier, Finding, Story, Verdict
from domain.message_formats import ALARM_TYPES
from domain.operational import asking
from domain.outcomes import Delivery, DeliveryState, Failure
from domain.pauses import DROPPED
from domain.targets.kinds import is_at_most_once
from domain.why_advice import GONE_STATUS, again, helps, remedies, stamp, told_paused


def why_told(story: Story, carrier: Carrier, delivery: Delivery) -> Finding:
    """What became of a delivery."""
    match delivery.state:
        case DeliveryState.DELIVERED:
            finding = _delivered(story, delivery)
        case DeliveryState.FAILED:
            finding = _failed(story, delivery)
        case DeliveryState.CANCELLED:
            finding = _cancelled(story, delivery)
        case _:
            finding = _open(story, delivery)
    return finding.model_copy(update={"facts": [_matched(story, carrier), *_changes(story, carrier), *finding.facts]})


def _delivered(story: Story, delivery: Delivery) -> Finding:
    last = delivery.last
    at = f" at {stamp(last.at)}, which it answered with HTTP {last.status}" if last else ""
    return Finding(
        verdict=Verdict.DELIVERED,
        headline=f"{story.name} was told of it{at}.",
        facts=[_counted(delivery)] if len(delivery.attempts) > 1 else [],
        next="nothing: it is delivered.",
        advice=again(story, "to send it once more, under the same id"),
    )


def _failed(story: Story, delivery: Delivery) -> Finding:
    last = delivery.last
    error = delivery.error or "no reason is known"
    facts = [_counted(delivery)] if last else []
    if last and last.failure is Failure.UNKNOWN_OUTCOME:
        facts.append("a target like this is told at most once: a request of unknown outcome is not made again.")
    elif last and not last.retryable:
        facts.append("that answer is final: the same request would get it again, so none was made.")
    paused = story.subscriber.paused if story.subscriber else None
    if paused and last and last.status == GONE_STATUS and paused.at >= last.at:  # it is what paused it
        facts.append(told_paused(paused))
    return Finding(
        verdict=Verdict.FAILED,
        headline=f"{story.name} was not told of it: the delivery failed ({error}).",
        facts=facts,
        next=f"nothing: it is parked after {_attempts(len(delivery.attempts))}.",
        advice=[*remedies(story, last), *again(story, "send it again")],
    )


def _cancelled(story: Story, delivery: Delivery) -> Finding:
    if delivery.error == DROPPED:
        return Finding(
            verdict=Verdict.CANCELLED,
            headline=f"{story.name} was not told of it: {delivery.error}.",
            next="nothing: the delivery has ended.",
            advice=again(story, "send it after all"),
        )
    return Finding(
        verdict=Verdict.CANCELLED,
        headline=f"{story.name} was not told of it: it was disabled or removed before the next request was due.",
        next="nothing: the delivery has ended.",
        advice=again(story, "send it again"),
    )


def _open(story: Story, delivery: Delivery) -> Finding:
    """A delivery that goes on, or waits."""
    facts = [_counted(delivery)] if delivery.attempts else []
    if ended := _will_end(story):
        return ended.model_copy(update={"facts": facts})
    paused = story.subscriber.paused if story.subscriber else None
    if delivery.state is DeliveryState.WAITING or paused:
        return _paused(story, delivery, facts)
    if _waits(delivery):
        return _waiting(story, delivery.error or "")
    if delivery.next_retry_at is None:
        return Finding(
            verdict=Verdict.UNDER_WAY,
            headline=f"A request to {story.name} is under way, or about to be made.",
            facts=facts + ([f"the last error was: {delivery.error}."] if delivery.error else []),
            next="its answer decides.",
        )
    number = len(delivery.attempts) + 1
    return Finding(
        verdict=Verdict.RETRYING,
        headline=f"{story.name} has not been told yet: it is being retried after {delivery.error or 'a failure'}.",
        facts=facts,
        next=f"request {number}{_of_how_many(story)} at {stamp(delivery.next_retry_at)}"
        f" ({_until(delivery.next_retry_at, story.now)}).",
        next_at=delivery.next_retry_at,
        advice=helps(story, delivery),
    )


def _paused(story: Story, delivery: Delivery, facts: list[str]) -> Finding:
    pause = story.subscriber.paused if story.subscriber else None
    if pause is None:
        return Finding(
            verdict=Verdict.PAUSED,
            headline=f"{story.name} has not been told yet: it was paused, and what waited is being sent to it.",
            facts=facts,
            next="its turn comes by itself: the oldest first, as fast as the answers allow.",
            advice=[
                f"how far that is: im subscriber health {story.name}",
                f"should it not go on: im subscriber resume {story.name}",
            ],
        )
    return Finding(
        verdict=Verdict.PAUSED,
        headline=f"{story.name} has not been told yet: it is paused, and the event waits for it.",
        facts=[told_paused(pause), *facts, *_behind(story, delivery)],
        next=_after_the_pause(delivery),
        advice=[f"when it may be told: im subscriber resume {story.name}"],
    )


def _after_the_pause(delivery: Delivery) -> str:
    """What comes next of a delivery to somebody who is paused."""
    if delivery.state is DeliveryState.WAITING:
        return "it waits until the subscriber is resumed; nothing is dropped."
    due = delivery.next_retry_at
    when = f"request {len(delivery.attempts) + 1} is due at {stamp(due)}" if due else "its next request is due"
    if _waits(delivery):
        when = "it waits for its turn first"
    return f"{when}; if it is paused then still, it waits until the subscriber is resumed. Nothing is dropped."


def _waits(delivery: Delivery) -> bool:
    """Whether a delivery waits for something before its first request: its turn, behind others or within a limit."""
    return delivery.state is DeliveryState.PENDING and (delivery.error or "").startswith("waits ")


def _behind(story: Story, delivery: Delivery) -> list[str]:
    """What a delivery waits behind, beside what else it waits for."""
    if story.ahead:
        return [f"it waits behind {', '.join(story.ahead)}."]
    return [f"it {delivery.error}."] if _waits(delivery) else []


def _waiting(story: Story, error: str) -> Finding:
    earlier = "earlier events" in error
    ahead = f"It waits behind {', '.join(story.ahead)}." if story.ahead else "None of them is known to hold it up now."
    behind = f" {ahead}" if earlier else ""
    return Finding(
        verdict=Verdict.WAITS_FOR_EARLIER if earlier else Verdict.WAITS_FOR_TURN,
        headline=f"{story.name} has not been told yet: it {error}.{behind}",
        next="its turn comes when those before it are done with: told, or failed for good."
        if earlier
        else "its turn comes by itself; it uses up no attempt while it waits.",
        advice=[f"what holds it up: im why {shlex.quote(each)} {shlex.quote(story.name)}" for each in story.ahead[:1]]
        if earlier
        else [f"to let more through: im subscriber update {story.name} --rate-limit 50/s, or --no-rate-limit"],
    )


def _will_end(story: Story) -> Finding | None:
    """The end that is certain for an open delivery whose subscriber is not there for it any more."""
    subscriber, carrier = story.subscriber, story.current
    if not story.directory_known or (subscriber and subscriber.enabled and not _is_another(story, carrier)):
        return None
    state = "is disabled" if subscriber and not _is_another(story, carrier) else "was removed"
    return Finding(
        verdict=Verdict.CANCELLED,
        headline=f"{story.name} will not be told of it: it {state} since.",
        next="the delivery ends as cancelled when its next request is due.",
        advice=again(story, "afterwards send it again"),
    )


def _matched(story: Story, carrier: Carrier) -> str:
    if carrier.only:
        return f"this {carrier.kind} is for {', '.join(carrier.only)} alone."
    subscriber = story.subscriber
    if subscriber is None:
        return f"it matched when {story.type} was emitted; its patterns are not known any more."
    pattern = asking(subscriber.types, story.type)
    if pattern is None:
        return f"it matched at {stamp(carrier.accepted_at)}; of its patterns today none does."
    if subscriber.severities and story.type in ALARM_TYPES:
        return f"its pattern {pattern!r} matches {story.type}; alarms of every severity are told, --severities or not."
    if subscriber.severities and story.severity is None:
        return f"its pattern {pattern!r} matches {story.type}, and the event states no severity to choose by."
    return f"its pattern {pattern!r} matches {story.type}."


def _changes(story: Story, carrier: Carrier) -> list[str]:
    """What has become of the subscriber since the delivery began, as far as it can be known."""
    subscriber = story.subscriber
    if subscriber is None:
        return [
            "there is no subscriber of that name any more."
            if story.directory_known
            else "no worker answered, so that its settings are not known."
        ]
    found = []
    if _is_another(story, carrier):
        found.append(f"the one of that name today was added later, at {stamp(subscriber.created_at)}.")
    elif subscriber.settings_at > carrier.accepted_at:
        found.append(f"its settings were changed since, at {stamp(subscriber.settings_at)}; only today's are known.")
    if is_at_most_once(subscriber.target):
        found.append(f"{subscriber.target} is told at most once: nothing of unknown outcome is repeated.")
    return found


def _is_another(story: Story, carrier: Carrier | None) -> bool:
    return bool(carrier and story.subscriber and story.subscriber.created_at > carrier.accepted_at)


def _counted(delivery: Delivery) -> str:
    last = delivery.last
    answer = f"; the last one: {last.error or f'HTTP {last.status}'}" if last else ""
    return f"{_attempts(len(delivery.attempts))} made{answer}."


def _attempts(count: int) -> str:
    return f"{count} request" + ("" if count == 1 else "s")


def _of_how_many(story: Story) -> str:
    return f" of {story.subscriber.schedule.max_attempts}" if story.subscriber else ""


def _until(at: datetime, now: datetime) -> str:
    seconds = round((at - now).total_seconds())
    return f"in {timing.about(seconds)}" if seconds > 0 else "due now"
