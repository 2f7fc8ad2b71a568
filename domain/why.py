"""Why a subscriber was or was not told of an event, from what is known of both."""

from domain.explanations import Explanation, Story, round_of
from domain.why_not_told import why_not_told
from domain.why_told import why_told


def explain(story: Story) -> Explanation:
    """The answer of `im why`. Where only the subscriber's present settings are known, it says so."""
    carrier = story.current
    finding = why_told(story, carrier, carrier.delivery) if carrier and carrier.delivery else why_not_told(story)
    return Explanation(
        **finding.model_dump(),
        event_id=story.event_id,
        source=story.source,
        type=story.type,
        subscriber=story.name,
        emitted_at=story.carriers[0].started_at,
        rounds=[round_of(each) for each in story.carriers if each.delivery is not None],
    )
