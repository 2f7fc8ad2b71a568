"""What is said of a subscriber that was added or changed."""

from typing import TYPE_CHECKING

from cli.render import when
from cli.run import Format, say, warn, write

if TYPE_CHECKING:
    from service.subscriber_views import Changed


def told(verb: str, changed: "Changed", output: Format, *, rotated: bool = False) -> None:
    """What was done, and what must be known now: secrets that are shown once, and warnings."""
    from service.subscriber_views import unsigned  # noqa: PLC0415 - heavy

    subscriber = changed.subscriber
    if output is Format.JSON:
        write(output, changed, "")
    elif shown := changed.secret or changed.whsec:
        write(output, None, shown)
    state = "" if subscriber.enabled or verb == "disabled" else ", disabled"
    chosen = f" of {','.join(subscriber.severities)}" if subscriber.severities else ""
    say(f"{verb} {subscriber.name}: {','.join(subscriber.types)}{chosen} to {subscriber.url}{state}")
    if changed.secret:
        say("the secret is not shown again; give it to the receiver now")
    if changed.whsec:
        say("whsec_... is the same secret as Standard Webhooks libraries take it; it is not shown again")
    if rotated and subscriber.rotating_until:
        say(f"requests are signed with the former secret too, until {when(subscriber.rotating_until)}")
    for warning in unsigned(subscriber, f"im subscriber update {subscriber.name} --generate-secret"):
        if verb == "added":
            say(warning)
    for warning in changed.warnings:
        warn(warning)
