"""`im subscriber test`: one marked event, and what comes back."""

from datetime import UTC, datetime

import typer

from cli import render
from cli.run import Format, FormatOption, say, with_gateway, write
from cli.subscriber_options import Name


def try_out(name: Name, *, output: FormatOption = Format.TABLE) -> None:
    """Send it a marked test event and show what comes back.

    Waits up to 12 seconds. PagerDuty is sent a trigger of severity info and at once its resolve.
    """
    from domain.connection_words import is_of_unknown_ca  # noqa: PLC0415 - heavy

    trial = with_gateway(lambda im: im.trials.run(name), emits=True)
    write(output, trial, render.trial_text(trial, datetime.now(UTC)))
    if trial.state != "delivered":
        follow = {"retrying": "more attempts follow", "pending": "nothing came back so far"}
        say(f"{follow.get(trial.state, 'it failed')}; see: im event show {trial.event_id}")
        if trial.delivery and is_of_unknown_ca(trial.delivery.error):
            say(
                "the CA of its certificate is not known here; to trust one of your own: im http-client add CLIENT --ca "
                f"FILE, then im subscriber update {name} --http-client CLIENT"
            )
        raise typer.Exit(1)
