"""An event has no delivery to a subscriber: why not."""

import shlex

from domain.event_errors import SubscriberNeverToldError
from domain.event_types import SUBSCRIBER_TEST
from domain.explanations import Carrier, Finding, Story, Verdict
from domain.likeness import nearest
from domain.operational import asking
from domain.subscribers import Subscriber
from domain.why_advice import again, resend, stamp
from domain.why_unwanted import NOTHING, unwanted


def why_not_told(story: Story) -> Finding:
    """The first reason that holds: of those that come before the subscriber's own, and then of its own.

    Raises:
        SubscriberNeverToldError: nobody has that name, and all that is known of the event is at hand.
    """
    if _nobody(story):
        told, close = _told(story) or "nobody was told of it", nearest(story.name, story.names)
        raise SubscriberNeverToldError(name=story.name, event_id=story.event_id, told=told, close=close)
    finding = _reason(story)
    others = f"{_told(story) or 'nobody else was to be told of it, either'}."
    return finding.model_copy(update={"facts": [*finding.facts, others]})


def _reason(story: Story) -> Finding:
    if all(carrier.outcome == "refused" for carrier in story.carriers):
        return Finding(
            verdict=Verdict.PUBLISHING_OFF,
            headline="Nobody was told of it: event publishing was off in the process that took it up.",
            next="nothing: it was refused, and may be emitted again under the same id.",
            advice=["start im serve with ENABLE_EVENT_PUBLISHING=true, and emit it again"],
        )
    asked = _asked(story)
    if asked is None:
        return _only_others(story)
    if unfinished := _unfinished(story, asked):
        return unfinished
    return _by_settings(story, story.subscriber, asked) if story.subscriber else _not_known(story)


def _nobody(story: Story) -> bool:
    """Whether none has that name now or, as far as deliveries tell, had it: most often the name is misspelt."""
    known = all(carrier.complete or carrier.ended_at for carrier in story.carriers)
    return story.subscriber is None and story.directory_known and known


def _unfinished(story: Story, asked: Carrier) -> Finding | None:
    """What keeps it from being said who was to be told: a worker that is missing, or a workflow that was ended."""
    if not story.directory_known or not (asked.complete or asked.ended_at):
        return _not_known(story)
    if asked.outcome != "pending" or asked.others:
        return None
    if asked.ended_at is not None:
        return Finding(
            verdict=Verdict.STOPPED,
            headline="Its workflow was cancelled or terminated before it was done with everybody.",
            next="nothing: what had not been delivered by then is not.",
            advice=again(story, "send it again"),
        )
    return Finding(
        verdict=Verdict.NOT_RESOLVED,
        headline="Nobody has been told of it yet: it is accepted, and who wants it is about to be found out.",
        next="it goes on by itself.",
        advice=["if it stays so: im doctor"],
    )


def _not_known(story: Story) -> Finding:
    return Finding(
        verdict=Verdict.NOT_KNOWN,
        headline=f"Whether {story.name} was told of it, or why not, cannot be said: no worker answered.",
        next="what is under way goes on as soon as a worker is there.",
        advice=["start one: im serve, or im worker; then ask again", "see what is wrong: im doctor"],
    )


def _only_others(story: Story) -> Finding:
    named = sorted({name for carrier in story.carriers for name in carrier.only or ()})
    test = story.type == SUBSCRIBER_TEST
    what = "it is a test" if test else "it was sent"
    too = f"to tell {story.name} too"
    advice = [f"{too}: im subscriber test {shlex.quote(story.name)}"] if test else again(story, too)
    return Finding(
        verdict=Verdict.ONLY_OTHERS,
        headline=f"{story.name} was not told of it: {what} for {', '.join(named)} alone.",
        next=NOTHING,
        advice=advice,
    )


def _by_settings(story: Story, subscriber: Subscriber, asked: Carrier) -> Finding:
    """What the settings of the subscriber say, which are those of today."""
    if subscriber.created_at > asked.accepted_at:
        return _added_later(story, subscriber, asked)
    changed = subscriber.settings_at > asked.accepted_at
    moment = "the event" if asked.kind == "original" else f"its {asked.kind}"
    note = (
        f"its settings are those of today: it was last changed at {stamp(subscriber.settings_at)}, after {moment}, "
        "and what they were before that is not kept."
        if changed
        else f"its settings have not changed since {stamp(subscriber.settings_at)}, before {moment}."
    )
    finding = _about_itself(story) or (
        _only_others(story) if story.type == SUBSCRIBER_TEST else unwanted(story, subscriber)
    )
    if finding is None:
        finding = _wants_today(story, subscriber, changed=changed)
    return finding.model_copy(update={"facts": [*finding.facts, note]})


def _added_later(story: Story, subscriber: Subscriber, asked: Carrier) -> Finding:
    fact = (
        f"the event came at {stamp(asked.accepted_at)}, the subscriber at {stamp(subscriber.created_at)}; "
        "who is told is decided when an event comes."
    )
    return Finding(
        verdict=Verdict.ADDED_LATER,
        headline=f"{story.name} was not told of it: it was added after the event.",
        facts=[fact],
        next=NOTHING,
        advice=[f"to tell it now: {resend(story)}"]
        if subscriber.wants(story.type, story.severity)
        else [f"it would not be told of such an event today, either: im subscriber show {story.name}"],
    )


def _about_itself(story: Story) -> Finding | None:
    if story.about != story.name:
        return None
    return Finding(
        verdict=Verdict.ABOUT_ITSELF,
        headline=f"{story.name} was not told of it: it tells of {story.name} itself, and nobody is told of their own.",
        next=NOTHING,
        advice=[f"how {story.name} is doing: im subscriber show {story.name}"],
    )


def _wants_today(story: Story, subscriber: Subscriber, *, changed: bool) -> Finding:
    pattern = asking(subscriber.types, story.type)
    if changed:
        return Finding(
            verdict=Verdict.CHANGED_SINCE,
            headline=f"{story.name} was not told of it; with its settings of today it would be.",
            facts=[f"its pattern {pattern!r} matches {story.type} today."],
            next="nothing by itself.",
            advice=[f"to tell it now: {resend(story)}"],
        )
    return Finding(
        verdict=Verdict.UNEXPLAINED,
        headline=f"{story.name} should have been told of it, and was not.",
        facts=[f"it is enabled, and its pattern {pattern!r} matches {story.type}."],
        next=NOTHING,
        advice=[
            f"tell it now: {resend(story)}",
            f"report this, with the history of {story.carriers[0].workflow_id} (the Temporal Web UI exports it)",
        ],
    )


def _asked(story: Story) -> Carrier | None:
    """The latest workflow that asked who wants the event, of those not restricted to some or refused."""
    asking = [each for each in story.carriers if each.only is None and each.kind != "rest"]
    return next((each for each in reversed(asking) if each.outcome != "refused"), None)


def _told(story: Story) -> str:
    """Whom the event was for; empty where that is nobody."""
    others = sorted({name for carrier in story.carriers for name in carrier.others})
    if not others:
        return ""
    shown = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
    return f"it was for {shown}"
