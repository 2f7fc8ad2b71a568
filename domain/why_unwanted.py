"""A subscriber does not want an event, by its settings of today: what in them says so."""

import shlex

from domain.explanations import Finding, Story, Verdict
from domain.message_formats import can_say as format_can_say
from domain.operational import asking
from domain.patterns import closest, matches
from domain.severities import admits
from domain.subscribers import Subscriber
from domain.targets.kinds import can_say
from domain.why_advice import resend, stamp

NOTHING = "nothing: this event is not meant for it."


def unwanted(story: Story, subscriber: Subscriber) -> Finding | None:
    """The first of its settings that leaves the event out; None where none does."""
    return (
        _disabled(story, subscriber)
        or _unsayable(story, subscriber)
        or _unmatched(story, subscriber)
        or _of_other_severity(story, subscriber)
    )


def _disabled(story: Story, subscriber: Subscriber) -> Finding | None:
    if subscriber.enabled:
        return None
    gone = [f"it answered 410 Gone at {stamp(subscriber.gone_at)}, which disabled it."] if subscriber.gone_at else []
    return Finding(
        verdict=Verdict.DISABLED,
        headline=f"{subscriber.name} was not told of it: it is disabled.",
        facts=gone,
        next="nothing: events that come while it is disabled are not kept for it.",
        advice=[f"enable it: im subscriber enable {subscriber.name}; and then {resend(story)}"],
    )


def _unsayable(story: Story, subscriber: Subscriber) -> Finding | None:
    kind = None if can_say(subscriber.target, story.type) else f"a {subscriber.target} target"
    if not format_can_say(subscriber.message_format, story.type):
        kind = f"the message format {subscriber.message_format.value!r}"
    if kind is None:
        return None
    return Finding(
        verdict=Verdict.UNSAYABLE,
        headline=f"{story.name} was not told of it: {kind} has no way to say {story.type}.",
        next=NOTHING,
        advice=["such events need another subscriber, with the message format 'cloudevents'"],
    )


def _unmatched(story: Story, subscriber: Subscriber) -> Finding | None:
    """No pattern matches; or one does, without asking for an operational event."""
    if asking(subscriber.types, story.type) is not None:
        return None
    wider = shlex.quote(",".join([*subscriber.types, story.type]))
    widen = f"if it shall be: im subscriber update {story.name} --types {wider}, and then {resend(story)}"
    match = next((pattern for pattern in subscriber.types if matches(pattern, story.type)), None)
    if match is not None:
        return Finding(
            verdict=Verdict.NOT_ASKED,
            headline=f"{story.name} was not told of it: its pattern {match!r} does not ask for operational events.",
            facts=["only patterns that begin with im. do, so that nobody has them by accident."],
            next=NOTHING,
            advice=[widen],
        )
    near, parts = closest(subscriber.types, story.type)
    return Finding(
        verdict=Verdict.NO_MATCH,
        headline=f"{story.name} was not told of it: none of its patterns matches {story.type}.",
        facts=[f"the closest of {len(subscriber.types)} is {near!r}: {parts}."],
        next=NOTHING,
        advice=[widen, f"what a pattern matches: im subscriber match {shlex.quote(near)}"],
    )


def _of_other_severity(story: Story, subscriber: Subscriber) -> Finding | None:
    if story.severity is None or admits(subscriber.severities, story.severity):
        return None
    wider = ",".join(sorted([*subscriber.severities, story.severity]))
    return Finding(
        verdict=Verdict.OTHER_SEVERITY,
        headline=f"{story.name} was not told of it: it is {story.severity}, and {story.name} is told of "
        f"{', '.join(subscriber.severities)} alone.",
        next=NOTHING,
        advice=[f"if it shall be: im subscriber update {story.name} --severities {wider}, and then {resend(story)}"],
    )
