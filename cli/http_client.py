"""`im http-client`: how webhooks are posted where certificates, credentials, time limits or a proxy are asked for."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import render_http_clients
from cli.http_client_options import (
    Audience,
    Auth,
    CaFile,
    Cert,
    ClientId,
    ClientSecret,
    ConnectTimeout,
    Key,
    KeyPassphrase,
    Name,
    Password,
    ProxyCredentials,
    ProxyUrl,
    Scope,
    Timeout,
    TokenUrl,
    User,
    read_options,
)
from cli.run import Format, FormatOption, examples, make_app, say, warn, with_gateway, write

if TYPE_CHECKING:
    from service.http_client_views import HttpClientView

app = make_app("Say with which credentials webhooks are posted.")

NONE_YET = "no HTTP clients yet; add one: im http-client add NAME --cert FILE --key FILE"


@app.command(
    epilog=examples(
        "im http-client add partner --cert client.pem --key client.key --ca partner-ca.pem",
        "im http-client add legacy --user im --password - < password.txt",
        "im http-client add cloud --oauth2-token-url https://login.example.com/token --oauth2-client-id im \\",
        "    --oauth2-client-secret @secret.txt --oauth2-scope alarms.write",
    )
)
def add(
    name: Name,
    *,
    cert: Cert = None,
    key: Key = None,
    key_passphrase: KeyPassphrase = None,
    ca: CaFile = None,
    user: User = None,
    password: Password = None,
    oauth2_token_url: TokenUrl = None,
    oauth2_client_id: ClientId = None,
    oauth2_client_secret: ClientSecret = None,
    oauth2_scope: Scope = None,
    oauth2_audience: Audience = None,
    oauth2_auth: Auth = None,
    connect_timeout: ConnectTimeout = None,
    timeout: Timeout = None,
    proxy: ProxyUrl = None,
    proxy_credentials: ProxyCredentials = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Add an HTTP client. Subscribers name it with --http-client."""
    given: dict[str, Any] = {
        "certificate": cert,
        "key": key,
        "key_passphrase": key_passphrase,
        "trust": ca,
        "user": user,
        "password": password,
        "token_url": oauth2_token_url,
        "client_id": oauth2_client_id,
        "client_secret": oauth2_client_secret,
        "scope": oauth2_scope,
        "audience": oauth2_audience,
        "token_auth": oauth2_auth,
        "connect_seconds": connect_timeout,
        "total_seconds": timeout,
        "proxy": proxy,
        "proxy_credentials": proxy_credentials,
    }
    options = read_options(given, new=True)
    _told("added", with_gateway(lambda im: im.http_clients.add(name, **options)), output)


@app.command("list", epilog=examples("im http-client list", "im http-client list --format json"))
def list_(*, output: FormatOption = Format.TABLE) -> None:
    """List the HTTP clients, and how long their certificates are valid."""
    found = with_gateway(lambda im: im.http_clients.all())
    write(output, found, render_http_clients.client_table(found))
    for row in found:
        _warned(row)
    if not found:
        say(NONE_YET)


@app.command(epilog=examples("im http-client show partner"))
def show(name: Name, *, output: FormatOption = Format.TABLE) -> None:
    """Show an HTTP client. Keys, passwords and secrets are never shown."""
    found = with_gateway(lambda im: im.http_clients.get(name))
    write(output, found, render_http_clients.client_fields(found))
    _warned(found)


@app.command(
    epilog=examples(
        "im http-client update partner --cert new.pem --key new.key",
        "im http-client update legacy --drop basic --cert client.pem --key client.key",
    )
)
def update(
    name: Name,
    *,
    cert: Cert = None,
    key: Key = None,
    key_passphrase: KeyPassphrase = None,
    ca: CaFile = None,
    user: User = None,
    password: Password = None,
    oauth2_token_url: TokenUrl = None,
    oauth2_client_id: ClientId = None,
    oauth2_client_secret: ClientSecret = None,
    oauth2_scope: Scope = None,
    oauth2_audience: Audience = None,
    oauth2_auth: Auth = None,
    connect_timeout: ConnectTimeout = None,
    timeout: Timeout = None,
    proxy: ProxyUrl = None,
    proxy_credentials: ProxyCredentials = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(
            "--drop", metavar="certificate|trust|basic|oauth2|proxy", help="What it shall not have. Repeatable."
        ),
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Change an HTTP client; what is not given stays. The next request of whoever uses it has what is new."""
    given: dict[str, Any] = {
        "certificate": cert,
        "key": key,
        "key_passphrase": key_passphrase,
        "trust": ca,
        "user": user,
        "password": password,
        "token_url": oauth2_token_url,
        "client_id": oauth2_client_id,
        "client_secret": oauth2_client_secret,
        "scope": oauth2_scope,
        "audience": oauth2_audience,
        "token_auth": oauth2_auth,
        "connect_seconds": connect_timeout,
        "total_seconds": timeout,
        "proxy": proxy,
        "proxy_credentials": proxy_credentials,
        "drop": _parts(drop),
    }
    options = read_options(given, new=False)
    if not options:
        raise typer.BadParameter("nothing to change; see im http-client update --help")
    _told("updated", with_gateway(lambda im: im.http_clients.update(name, **options)), output)


@app.command(epilog=examples("im http-client remove partner"))
def remove(name: Name, *, output: FormatOption = Format.TABLE) -> None:
    """Remove an HTTP client. Refused while a subscriber names it."""
    removed = with_gateway(lambda im: im.http_clients.remove(name))
    if output is Format.JSON:
        write(output, removed, "")
    say(f"removed {removed.name}")


@app.command("test", epilog=examples("im http-client test partner https://alarms.partner.example/hook"))
def try_out(
    name: Name,
    url: Annotated[str, typer.Argument(help="What to ask.", metavar="URL", show_default=False)],
    *,
    output: FormatOption = Format.TABLE,
) -> None:
    """Ask a URL for its head with an HTTP client, from here.

    Sends HEAD, and GET where the receiver knows no HEAD; nothing is posted. Shows TLS, the receiver's certificate, and
    the answer. Any status exits 0: it was reached. Needs the keys of the deployment (IM_SECRET_KEYS).
    """
    from domain.connection_words import is_of_unknown_ca  # noqa: PLC0415 - heavy

    trial = with_gateway(lambda im: im.http_clients.test(name, url))
    write(output, trial, render_http_clients.trial_fields(trial))
    if is_of_unknown_ca(trial.error):
        say(f"that CA is not known to this client; to trust one of your own: im http-client update {name} --ca FILE")
    if trial.failure is not None:
        raise typer.Exit(1)


def _parts(drop: list[str] | None) -> list[Any] | None:
    if not drop:
        return None
    from domain.http_clients import Part  # noqa: PLC0415 - heavy

    words = ",".join(drop).split(",")
    if wrong := [word for word in words if word not in list(Part)]:
        raise typer.BadParameter(f"--drop: {wrong[0]!r} is not one of {', '.join(Part)}")
    return [Part(word) for word in words]


def _told(verb: str, client: "HttpClientView", output: Format) -> None:
    if output is Format.JSON:
        write(output, client, "")
    say(f"{verb} {client.name}: {', '.join(client.auth) or 'no credentials'}")
    _warned(client)


def _warned(client: "HttpClientView") -> None:
    for warning in client.warnings:
        warn(warning)
