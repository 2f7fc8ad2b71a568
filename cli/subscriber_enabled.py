"""`im subscriber disable` and `enable`: short for `im subscriber update NAME --enabled=false`, and `=true`."""

from cli.run import Format, FormatOption, with_gateway
from cli.subscriber_changed import told
from cli.subscriber_options import CancelWaiting, Name


def disable(name: Name, *, cancel_waiting: CancelWaiting = False, output: FormatOption = Format.TABLE) -> None:
    """Tell a subscriber of nothing until it is enabled. To keep what comes meanwhile for it: im subscriber pause.

    Refused while events wait for the end of its pause, or are to be retried during it, unless --cancel-waiting.
    """
    changed = with_gateway(lambda im: im.subscribers.update(name, enabled=False, cancel_waiting=cancel_waiting))
    told("disabled", changed, output)


def enable(name: Name, *, output: FormatOption = Format.TABLE) -> None:
    """Tell a subscriber of events again, from the next one on. What came meanwhile: im replay."""
    told("enabled", with_gateway(lambda im: im.subscribers.update(name, enabled=True)), output)
