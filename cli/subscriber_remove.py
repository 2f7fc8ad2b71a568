"""`im subscriber remove`: what the subscriber is still owed is said, and not given up unasked."""

from cli.run import Format, FormatOption, say, warn, with_gateway, write
from cli.subscriber_options import CancelWaiting, Name


def remove(name: Name, *, cancel_waiting: CancelWaiting = False, output: FormatOption = Format.TABLE) -> None:
    """Remove a subscriber. Deliveries that wait for a retry are cancelled.

    Refused while events wait for the end of its pause, or are to be retried during it, unless --cancel-waiting.
    """
    from service.subscriber_views import given_up  # noqa: PLC0415 - heavy

    removed = with_gateway(lambda im: im.subscribers.remove(name, cancel_waiting=cancel_waiting))
    if output is Format.JSON:
        write(output, removed, "")
    say(f"removed {removed.name}")
    for line in given_up(removed.name, removed.owed, removed=True):
        warn(line)
