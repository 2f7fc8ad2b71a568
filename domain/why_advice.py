"""What to do about a delivery, most often a command: one that can work, with the subscriber as it is now."""

import shlex
from datetime import datetime

from domain.explanations import Story
from domain.incidents import rfc3339
from domain.outcomes import OWN_FAULT, Attempt, Delivery, Failure
from domain.pauses import Pause
from domain.targets.kinds import WEBHOOK

# What to do about a failure that trying again would not mend; of the others the answer itself says most.
_REMEDIES = {
    Failure.REDIRECT: "redirects are never followed: im subscriber update {name} --url NEW-URL",
    Failure.TLS: "its certificate is not valid or not trusted: {test}, or a --ca for its HTTP client",
    Failure.BLOCKED_ADDRESS: "its address may not be dialled; IM_ALLOWED_NETWORKS allows a network of yours",
    Failure.SEALING_KEY: "a worker lacks a key: im keys list",
    Failure.CLIENT_CERTIFICATE: "see both certificates: {test}",
    Failure.TOKEN_REFUSED: "see what the token endpoint answers: {test}",
    Failure.UNSAYABLE: "its message format cannot say it: im subscriber update {name} --message-format cloudevents",
    Failure.UNUSABLE_TARGET: "its notify URL cannot be used by that worker: im logs --level error",
}
_UNTRUSTED = (  # of a subscriber with the plain client
    "its certificate is not valid or not trusted: mend it there, or trust its CA: im http-client add CLIENT --ca FILE, "
    "im subscriber update {name} --http-client CLIENT"
)
_CREDENTIALS = (401, 403)
GONE_STATUS = 410


def remedies(story: Story, last: Attempt | None) -> list[str]:
    """What would mend the failure of a request, as far as that is known."""
    if last is None or last.failure is None or (story.directory_known and story.subscriber is None):
        return []
    name = story.name
    if last.status in _CREDENTIALS:
        return [f"its credentials are refused: im subscriber update {name} --header 'Authorization=Bearer ...'"]
    if last.status == GONE_STATUS:
        return _gone(story)
    plain = story.subscriber and story.subscriber.target == WEBHOOK and story.subscriber.http_client is None
    if last.failure is Failure.TLS and plain:
        return [_UNTRUSTED.format(name=name)]
    remedy = _REMEDIES.get(last.failure)
    if remedy is None:
        return [f"how it does otherwise: im subscriber health {name}"]
    return [remedy.format(name=name, test=_test(story))]


def helps(story: Story, delivery: Delivery) -> list[str]:
    """What would have the next request of an open delivery fare better than the latest."""
    if not (delivery.error or "").startswith(OWN_FAULT):
        return remedies(story, delivery.last)
    remedy = "give the workers more file descriptors (ulimit -n), or memory, and start them anew"
    return [f"that is no fault of {story.name}'s, and costs no attempt: {remedy}"]


def again(story: Story, told: str) -> list[str]:
    """How the event is sent to the subscriber again; first what that takes, where it is disabled or not there."""
    if story.subscriber is None and story.directory_known:
        return [_add(story)]
    if story.subscriber is None or story.subscriber.enabled:
        return [f"{told}: {resend(story)}"]
    return [f"enable it: im subscriber enable {story.name}", f"{told}: {resend(story)}"]


def resend(story: Story) -> str:
    """The command that sends the event to the subscriber again."""
    source = f" --source {shlex.quote(story.source)}" if story.by_source else ""
    return f"im event resend {shlex.quote(story.event_id)} --subscriber {shlex.quote(story.name)}{source}"


def told_paused(pause: Pause) -> str:
    """When and why a subscriber was paused."""
    return f"it was paused at {stamp(pause.at)}: {pause.reason}."


def stamp(at: datetime) -> str:
    """A time for sentences, to the second."""
    return rfc3339(at.replace(microsecond=0))


def _gone(story: Story) -> list[str]:
    """What to do about a 410, which paused the subscriber, or disabled it before there were pauses."""
    subscriber, name = story.subscriber, story.name
    if subscriber and subscriber.paused and subscriber.gone_at:
        return [
            f"if it has moved: im subscriber update {name} --url NEW-URL, which ends the pause",
            f"if it answers again where it is: im subscriber resume {name}",
        ]
    if subscriber and not subscriber.enabled:
        return []  # to enable it is said with the resend
    return [f"it answered 410 Gone: see that its URL is right: im subscriber show {name}"]


def _test(story: Story) -> str:
    """The command that takes the same way to the receiver and shows what it meets."""
    client, url = (story.subscriber.http_client, story.subscriber.url) if story.subscriber else (None, None)
    return f"im http-client test {shlex.quote(client or 'NAME')} {shlex.quote(url or 'URL')}"


def _add(story: Story) -> str:
    return f"to add it anew: im subscriber add --name {shlex.quote(story.name)} ..., and then {resend(story)}"
