"""Why a subscriber was or was not told of an event, from what is known of both."""

from datetime import UTC, datetime

from domain.explanations import Carrier, Explanation, Finding, Story, round_of
from domain.outcomes import FINAL_STATES
from domain.why_not_told import why_not_told
from domain.why_told import why_told

MOST_TOLD = 3  # earlier deliveries whose next request is said
_EARLIER = {
    "original": "The first delivery",
    "resend": "An earlier resend",
    "replay": "An earlier replay",
    "rest": "The first delivery",
}

_FAR = datetime.max.replace(tzinfo=UTC)


def explain(story: Story) -> Explanation:
    """The answer of `im why`. Where only the subscriber's present settings are known, it says so."""
    carrier = story.current
    finding = _told(story, carrier) if carrier else why_not_told(story)
    return Explanation(
        **finding.model_dump(),
        event_id=story.event_id,
        source=story.source,
        type=story.type,
        subscriber=story.name,
        emitted_at=story.carriers[0].accepted_at,
        rounds=[round_of(each) for each in story.carriers if each.delivery is not None],
    )


def _told(story: Story, current: Carrier) -> Finding:
    """What became of the latest delivery, and what comes next of it and of those before it that go on."""
    finding = _alone(story, current)
    others = [(each, _alone(story, each)) for each in story.carriers if each is not current and _goes_on(each)]
    if not others:
        return finding
    others.sort(key=lambda other: other[1].next_at or _FAR)
    said = [finding.next] if _goes_on(current) else []
    said += [f"{_EARLIER[each.kind]} goes on too: {other.next}" for each, other in others[:MOST_TOLD]]
    if len(others) > MOST_TOLD:
        said.append(f"So do {len(others) - MOST_TOLD} more.")
    times = [each.next_at for each in (finding, *(other for _, other in others)) if each.next_at]
    return finding.model_copy(update={"next": " ".join(said), "next_at": min(times, default=None)})


def _alone(story: Story, carrier: Carrier) -> Finding:
    """What there is to say of one delivery, as if there were no other."""
    assert carrier.delivery is not None  # noqa: S101 - the callers have looked
    return why_told(story.model_copy(update={"carriers": [carrier]}), carrier, carrier.delivery)


def _goes_on(carrier: Carrier) -> bool:
    return carrier.delivery is not None and carrier.delivery.state not in FINAL_STATES and carrier.ended_at is None
