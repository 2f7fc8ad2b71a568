"""What is said of a subscriber that was added or changed."""

from typing import TYPE_CHECKING

from cli.run import Format, say, warn, write

if TYPE_CHECKING:
    from service.subscriber_views import Changed


def told(verb: str, changed: "Changed", output: Format) -> None:
    """What was done, and what must be known now: secrets that are shown once, and warnings."""
    from service.subscriber_views import unsigned  # noqa: PLC0415 - heavy

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
    for warning in unsigned(subscriber, f"im subscriber update {subscriber.name} --generate-secret"):
        if verb == "added":
            say(warning)
    for warning in changed.warnings:
        warn(warning)
