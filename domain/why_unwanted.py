"""A subscriber does not want an event, by its settings of today: what in them says so."""

import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from domain.explanations import Finding, Story, Verdict
from domain.message_formats import MessageFormat
from domain.message_formats import can_say as format_can_say
from domain.operational import asking
from domain.patterns import closest, matches
from domain.severities import admits
from domain.targets.kinds import can_say
from domain.why_advice import resend, stamp

NOTHING = "nothing: this event is not meant for it."
NOT_KEPT = "nothing: events that come while it is disabled are not kept for it."


class Settings(Protocol):
    """What decides of a subscriber; a view of one has it too."""

    @property
    def name(self) -> str:
        """Of the subscriber."""

    @property
    def enabled(self) -> bool:
        """Whether it is told of anything."""

    @property
    def gone_at(self) -> datetime | None:
        """When a 410 disabled it."""

    @property
    def target(self) -> str:
        """The kind of target."""

    @property
    def message_format(self) -> MessageFormat:
        """Of a webhook."""

    @property
    def types(self) -> Sequence[str]:
        """Patterns."""

    @property
    def severities(self) -> Sequence[str]:
        """Of events that state one, only these; none for all."""


class Reason(NamedTuple):
    """The setting that leaves an event out.

    Attributes:
        why: half a sentence, such as ``it is disabled``.
        mend: the command after which such an event is told; None where there is none.
        facts: sentences.
        advice: what can be done besides.
    """

    verdict: Verdict
    why: str
    mend: str | None = None
    facts: Sequence[str] = ()
    advice: Sequence[str] = ()


def unwanted(story: Story, subscriber: Settings) -> Finding | None:
    """The first of its settings that leaves the event out; None where none does."""
    reason = left_out(subscriber, story.type, story.severity)
    if reason is None:
        return None
    mend = [f"to have it told: {reason.mend}, and then {resend(story)}"] if reason.mend else []
    return Finding(
        verdict=reason.verdict,
        headline=f"{story.name} was not told of it: {reason.why}.",
        facts=list(reason.facts),
        next=NOT_KEPT if reason.verdict is Verdict.DISABLED else NOTHING,
        advice=[*mend, *reason.advice],
    )


def left_out(subscriber: Settings, event_type: str, severity: str | None) -> Reason | None:
    """The first of its settings that leaves out events of a type and a severity; None where none does."""
    return (
        _disabled(subscriber)
        or _unsayable(subscriber, event_type)
        or _unmatched(subscriber, event_type)
        or _of_other_severity(subscriber, severity)
    )


def _disabled(subscriber: Settings) -> Reason | None:
    if subscriber.enabled:
        return None
    gone = [f"it answered 410 Gone at {stamp(subscriber.gone_at)}, which disabled it."] if subscriber.gone_at else []
    return Reason(Verdict.DISABLED, "it is disabled", f"im subscriber enable {subscriber.name}", facts=gone)


def _unsayable(subscriber: Settings, event_type: str) -> Reason | None:
    kind = None if can_say(subscriber.target, event_type) else f"a {subscriber.target} target"
    if not format_can_say(subscriber.message_format, event_type):
        kind = f"the message format {subscriber.message_format.value!r}"
    if kind is None:
        return None
    others = "such events need another subscriber, with the message format 'cloudevents'"
    return Reason(Verdict.UNSAYABLE, f"{kind} has no way to say {event_type}", advice=[others])


def _unmatched(subscriber: Settings, event_type: str) -> Reason | None:
    """No pattern matches; or one does, without asking for an operational event."""
    if asking(subscriber.types, event_type) is not None:
        return None
    mend = _update(subscriber, "types", shlex.quote(",".join([*subscriber.types, event_type])))
    match = next((pattern for pattern in subscriber.types if matches(pattern, event_type)), None)
    if match is not None:
        why = f"its pattern {match!r} does not ask for operational events"
        fact = "only patterns that begin with im. do, so that nobody has them by accident."
        return Reason(Verdict.NOT_ASKED, why, mend, facts=[fact])
    near, parts = closest(subscriber.types, event_type)
    return Reason(
        Verdict.NO_MATCH,
        f"none of its patterns matches {event_type}",
        mend,
        facts=[f"the closest of {len(subscriber.types)} is {near!r}: {parts}."],
        advice=[f"what a pattern matches: im subscriber match {shlex.quote(near)}"],
    )


def _of_other_severity(subscriber: Settings, severity: str | None) -> Reason | None:
    if severity is None or admits(subscriber.severities, severity):
        return None
    why = f"it is {severity}, and {subscriber.name} is told of {', '.join(subscriber.severities)} alone"
    wider = ",".join(sorted([*subscriber.severities, severity]))
    return Reason(Verdict.OTHER_SEVERITY, why, _update(subscriber, "severities", wider))


def _update(subscriber: Settings, option: str, value: str) -> str:
    return f"im subscriber update {subscriber.name} --{option} {value}"
