"""`im subscriber`: who is told of events, and how that goes."""

from typing import Annotated, Any

import typer

from cli import render_subscribers
from cli.run import (
    Format,
    FormatOption,
    duration,
    examples,
    make_app,
    only_given,
    say,
    typed_secret,
    with_gateway,
    write,
)
from cli.subscriber_changed import told
from cli.subscriber_enabled import disable, enable
from cli.subscriber_health import NONE_YET, health, say_what_is_missing
from cli.subscriber_match import match
from cli.subscriber_options import (
    CancelWaiting,
    ClearHeaders,
    Context,
    DropSecret,
    Enabled,
    GenerateSecret,
    Header,
    Hostname,
    HttpClient,
    MaxAttempts,
    MaxConcurrency,
    MessageForm,
    Name,
    NoHttpClient,
    NoMaxConcurrency,
    NoPauseAfter,
    NoRateLimit,
    Notify,
    Ordered,
    PauseAfter,
    Port,
    RateLimit,
    Schedule,
    Secret,
    Severities,
    Types,
    check_place,
    check_secret_once,
    headers,
    patterns,
    pause_after,
    rate_meant,
    schedule_meant,
    severities_meant,
    value_or_none,
)
from cli.subscriber_pause import pause, resume
from cli.subscriber_remove import remove
from cli.subscriber_trial import try_out
from cli.watch import watch_subscriber

app = make_app("Say who is told of events, and see how it goes.")


@app.command(
    epilog=examples(
        "im subscriber add --name ops --url https://ops.example.com/hook --types 'im.incident.**' --generate-secret",
        "im subscriber add --name audit --url https://audit.example.com/events --secret - < secret.txt",
        "im subscriber add --name oncall --notify - < pagerduty-url.txt",
    )
)
def add(
    *,
    name: Annotated[str, typer.Option("--name", help="Unique name.", show_default=False)],
    url: Annotated[str | None, typer.Option("--url", help="https URL of a webhook; http for localhost only.")] = None,
    hostname: Hostname = None,
    port: Port = None,
    context: Context = None,
    notify: Notify = None,
    types: Types = None,
    severities: Severities = None,
    secret: Secret = None,
    generate_secret: GenerateSecret = False,
    header: Header = None,
    schedule: Schedule = None,
    max_attempts: MaxAttempts = None,
    message_format: MessageForm = None,
    http_client: HttpClient = None,
    ordered: Ordered = None,
    max_concurrency: MaxConcurrency = None,
    rate_limit: RateLimit = None,
    pause_after_: PauseAfter = None,
    enabled: Enabled = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Add a webhook (--url) or an alert target (--notify). It is told of events from now on."""
    check_place(url, (hostname, port, context), notify, needed=True)
    check_secret_once(secret, generate=generate_secret)
    given: dict[str, Any] = {
        "hostname": hostname,
        "port": port,
        "context": context,
        "notify": typed_secret(notify, "notify URL"),
        "types": patterns(types),
        "severities": severities_meant(severities),
        "secret": typed_secret(secret),
        "generate_secret": generate_secret,
        "headers": headers(header),
        "schedule": schedule_meant(schedule, max_attempts),
        "max_attempts": max_attempts,
        "message_format": message_format,
        "http_client": http_client,
        "ordered": ordered,
        "max_concurrency": max_concurrency,
        "rate_limit": rate_meant(rate_limit),
        "pause_after_seconds": pause_after(pause_after_),
        "enabled": enabled,
    }
    options = only_given(given)
    told("added", with_gateway(lambda im: im.subscribers.add(name, url, **options)), output)


@app.command("list", epilog=examples("im subscriber list", "im subscriber list --format json"))
def list_(*, output: FormatOption = Format.TABLE) -> None:
    """List the subscribers."""
    found = with_gateway(lambda im: im.subscribers.all())
    write(output, found, render_subscribers.subscriber_table(found))
    if not found:
        say(NONE_YET)


@app.command(epilog=examples("im subscriber show my-webhook"))
def show(name: Name, *, output: FormatOption = Format.TABLE) -> None:
    """Show how a subscriber is set up. Secrets and header values are never shown."""
    found = with_gateway(lambda im: im.health.with_subscriber(name))
    write(output, found, render_subscribers.subscriber_fields(found, found.health))
    say_what_is_missing([found.health])


@app.command(
    epilog=examples(
        "im subscriber update my-webhook --enabled=false",
        "im subscriber update my-webhook --generate-secret --overlap 48h",
    )
)
def update(
    name: Name,
    *,
    url: Annotated[str | None, typer.Option("--url", help="New URL; deliveries that wait use it too.")] = None,
    hostname: Hostname = None,
    port: Port = None,
    context: Context = None,
    notify: Notify = None,
    types: Types = None,
    severities: Severities = None,
    enabled: Enabled = None,
    secret: Secret = None,
    generate_secret: GenerateSecret = False,
    drop_secret: DropSecret = False,
    overlap: Annotated[
        str,
        typer.Option("--overlap", metavar="DURATION", help="How long former secrets sign beside a new one, at most."),
    ] = "24h",
    header: Header = None,
    clear_headers: ClearHeaders = False,
    schedule: Schedule = None,
    max_attempts: MaxAttempts = None,
    message_format: MessageForm = None,
    http_client: HttpClient = None,
    no_http_client: NoHttpClient = False,
    ordered: Ordered = None,
    max_concurrency: MaxConcurrency = None,
    no_max_concurrency: NoMaxConcurrency = False,
    rate_limit: RateLimit = None,
    no_rate_limit: NoRateLimit = False,
    pause_after_: PauseAfter = None,
    no_pause_after: NoPauseAfter = False,
    cancel_waiting: CancelWaiting = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Change a subscriber; what is not given stays. --header replaces all added headers."""
    check_place(url, (hostname, port, context), notify, needed=False)
    check_secret_once(secret, generate=generate_secret, drop=drop_secret)
    if header and clear_headers:
        raise typer.BadParameter("--header replaces all added headers already; leave out --clear-headers")
    if cancel_waiting and enabled is not False:
        raise typer.BadParameter("--cancel-waiting goes with --enabled=false")
    given: dict[str, Any] = {
        "url": url,
        "hostname": hostname,
        "port": port,
        "context": context,
        "notify": typed_secret(notify, "notify URL"),
        "types": patterns(types),
        "severities": severities_meant(severities),
        "enabled": enabled,
        "cancel_waiting": cancel_waiting or None,
        "secret": typed_secret(secret),
        "generate_secret": generate_secret or None,
        "drop_secret": drop_secret or None,
        "headers": {} if clear_headers else headers(header),
        "schedule": schedule_meant(schedule, max_attempts),
        "max_attempts": max_attempts,
        "message_format": message_format,
        "http_client": value_or_none("http-client", http_client, no_http_client, ""),
        "ordered": ordered,
        "max_concurrency": value_or_none("max-concurrency", max_concurrency, no_max_concurrency, 0),
        "rate_limit": value_or_none("rate-limit", rate_meant(rate_limit), no_rate_limit, ""),
        "pause_after_seconds": value_or_none("pause-after", pause_after(pause_after_), no_pause_after, 0),
    }
    options = only_given(given)
    if not options:
        raise typer.BadParameter("nothing to change; see im subscriber update --help")
    valid_beside = duration("--overlap", overlap)
    changed = with_gateway(lambda im: im.subscribers.update(name, overlap=valid_beside, **options))
    told("updated", changed, output, rotated=generate_secret or secret is not None)


app.command(epilog=examples("im subscriber remove my-webhook", "im subscriber remove my-webhook --cancel-waiting"))(
    remove
)
app.command("test", epilog=examples("im subscriber test oncall", "im subscriber test my-webhook --format json"))(
    try_out
)


app.command(epilog=examples("im subscriber disable my-webhook", "im subscriber disable my-webhook --cancel-waiting"))(
    disable
)
app.command(epilog=examples("im subscriber enable my-webhook"))(enable)
app.command(epilog=examples("im subscriber health", "im subscriber health my-webhook --format json"))(health)
app.command(epilog=examples("im subscriber pause my-webhook --reason 'database migration'"))(pause)
app.command(
    epilog=examples("im subscriber resume my-webhook --wait", "im subscriber resume my-webhook --drop-older-than 1h")
)(resume)
app.command(epilog=examples("im subscriber match 'im.incident.*' 'im.**'"))(match)
app.command("watch", epilog=examples("im subscriber watch my-webhook"))(watch_subscriber)
