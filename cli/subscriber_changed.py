"""What is said of a subscriber that was added or changed."""

from typing import TYPE_CHECKING

from cli.run import Format, say, warn, write
from domain.targets.kinds import WEBHOOK

if TYPE_CHECKING:
    from service.subscriber_views import Changed


def told(verb: str, changed: "Changed", output: Format) -> None:
    """What was done, and what must be known now: secrets that are shown once, and warnings."""
    subscriber = changed.subscriber
    if output is Format.JSON:
        write(output, changed, "")
    else:
        for label, value in (("secret", changed.secret), ("whsec", changed.whsec)):
            if value:
                write(output, None, f"{label}: {value}")
    state = "" if subscriber.enabled or verb == "disabled" else ", disabled"
    chosen = f" of {','.join(subscriber.severities)}" if subscriber.severities else ""
    say(f"{verb} {subscriber.name}: {','.join(subscriber.types)}{chosen} to {subscriber.url}{state}")
    if changed.secret:
        say("the secret is not shown again; give it to the receiver now")
    if changed.whsec:
        say("whsec is the same secret as Standard Webhooks libraries take it; it is not shown again")
    if verb == "added" and subscriber.target == WEBHOOK and not subscriber.signed:
        say(
            "its requests are not signed, so the receiver cannot tell them from forged ones; to sign them: "
            f"im subscriber update {subscriber.name} --generate-secret"
        )
    for warning in changed.warnings:
        warn(warning)
