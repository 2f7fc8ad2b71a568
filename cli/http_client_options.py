"""The options that commands of `im http-client` share, and how the files and secrets named there are read."""

import re
import sys
from enum import StrEnum
from getpass import getpass
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.run import one_of, only_given

_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(s|ms)?")


class TokenAuthChoice(StrEnum):
    """`domain.http_clients.TokenAuth`, which takes pydantic to import; a test compares both."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"


def _seconds(text: str) -> float:
    """``5s``, ``2.5s`` or ``500ms``, or ``5`` for seconds."""
    found = _SECONDS.fullmatch(text.strip().lower())
    if not found:
        from domain.faults import shown  # noqa: PLC0415 - only where something went wrong

        raise typer.BadParameter(f"{shown(text)} is not a time limit; write 5s, 2.5s or 500ms, or 5 for seconds")
    return float(found[1]) / (1000 if found[2] == "ms" else 1)


Name = Annotated[str, typer.Argument(help="The HTTP client's name.", metavar="NAME", show_default=False)]
Cert = Annotated[
    str | None,
    typer.Option("--cert", metavar="FILE", help="Client certificate (PEM), its chain after it; with --key."),
]
Key = Annotated[
    str | None, typer.Option("--key", metavar="FILE", help="Its private key (PEM). Sealed, and never shown.")
]
KeyPassphrase = Annotated[
    str | None,
    typer.Option("--key-passphrase", metavar="-|FILE", help="Opens the key once; - reads standard input."),
]
CaFile = Annotated[
    str | None,
    typer.Option("--ca", metavar="FILE", help="CA certificates (PEM) to verify receivers by, not the system's."),
]
User = Annotated[str | None, typer.Option("--user", metavar="NAME", help="User of HTTP Basic; with --password.")]
Password = Annotated[
    str | None, typer.Option("--password", metavar="-|@FILE", help="Its password; - reads standard input.")
]
TokenUrl = Annotated[
    str | None,
    typer.Option("--oauth2-token-url", metavar="URL", help="Token endpoint of OAuth2 client credentials."),
]
ClientId = Annotated[str | None, typer.Option("--oauth2-client-id", metavar="ID", help="Client id there.")]
ClientSecret = Annotated[
    str | None,
    typer.Option("--oauth2-client-secret", metavar="-|@FILE", help="Client secret; - reads standard input."),
]
Scope = Annotated[str | None, typer.Option("--oauth2-scope", metavar="SCOPES", help="Scopes, separated by spaces.")]
Audience = Annotated[str | None, typer.Option("--oauth2-audience", metavar="TEXT", help="Audience, where asked for.")]
Auth = Annotated[
    TokenAuthChoice | None,
    typer.Option(
        "--oauth2-auth",
        help="How the secret is sent.  [default: client_secret_basic]",
        **one_of(TokenAuthChoice),
    ),
]
ConnectTimeout = Annotated[
    float | None,
    typer.Option(
        "--connect-timeout",
        metavar="DURATION",
        parser=_seconds,
        help="To connect, TLS included; 100ms to 10s.  [default: 10s]",
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        parser=_seconds,
        help="For a whole request, token included; 100ms to 10s.  [default: 10s]",
    ),
]
ProxyUrl = Annotated[str | None, typer.Option("--proxy", metavar="URL", help="Egress proxy, as http(s)://host:port.")]
ProxyCredentials = Annotated[
    str | None,
    typer.Option("--proxy-credentials", metavar="-|@FILE", help="user:password for it; - reads standard input."),
]

_SECRETS = {
    "key_passphrase": "--key-passphrase",
    "password": "--password",
    "client_secret": "--oauth2-client-secret",
    "proxy_credentials": "--proxy-credentials",
}
_FILES = {"certificate": "--cert", "key": "--key", "trust": "--ca"}
_NAMED = {
    "user": "--user",
    "token_url": "--oauth2-token-url",
    "client_id": "--oauth2-client-id",
    "scope": "--oauth2-scope",
    "audience": "--oauth2-audience",
    "token_auth": "--oauth2-auth",
    "proxy": "--proxy",
}
_OPTIONS = _FILES | _SECRETS | _NAMED
# Of each part what it must have, and what it may have besides.
_REPLACED_WHOLE = [(("certificate", "key"), ("key_passphrase",)), (("proxy",), ("proxy_credentials",))]
_ADDED_WHOLE = [
    (("user", "password"), ()),
    (("token_url", "client_id", "client_secret"), ("scope", "audience", "token_auth")),
]


def check_whole(given: dict[str, Any], *, new: bool) -> None:
    """Refuse a part of which something lacks, with the options that are missing and how their secrets are given.

    Args:
        given: by the names of the gateway.
        new: whether the client is to be added; one that is changed may have the rest.
    """
    for needed, besides in [*_REPLACED_WHOLE, *(_ADDED_WHOLE if new else [])]:
        named = [_OPTIONS[name] for name in (*needed, *besides) if given[name]]
        missing = [name for name in needed if given[name] is None]
        if named and missing:
            secret = [_OPTIONS[name] for name in missing if name in _SECRETS]
            how = f" ({secret[0]} - asks for it or reads standard input, {secret[0]} @FILE a file)" if secret else ""
            options = " and ".join(_OPTIONS[name] for name in missing)
            raise typer.BadParameter(f"{named[0]} goes with {options}{how}")


def read_options(given: dict[str, Any], *, new: bool) -> dict[str, Any]:
    """Arguments of the gateway: files read, secrets read, and what was not given left out; see `check_whole`."""
    options = only_given(given)
    asked = [option for name, option in (_FILES | _SECRETS).items() if options.get(name) == "-"]
    if len(asked) > 1:
        raise typer.BadParameter(f"only one option can read standard input, not {' and '.join(asked)}")
    check_whole(given, new=new)
    for name, option in _FILES.items():
        if name in options:
            options[name] = _text(option, options[name].removeprefix("@"))  # as secrets are given
    for name, option in _SECRETS.items():
        if name in options:
            options[name] = _secret(option, options[name], bare_file=name == "key_passphrase")
    return options


def _secret(option: str, given: str, *, bare_file: bool) -> str:
    """A secret from standard input (``-``) or a file (``@FILE``); one line break at its end is dropped."""
    if given == "-" and sys.stdin.isatty():
        return getpass(f"{option.removeprefix('--')}: ", stream=sys.stderr)
    if given != "-" and not given.startswith("@") and not bare_file:
        raise typer.BadParameter(f"{option} takes - or @FILE: what is typed here, every process can read")
    return _text(option, given.removeprefix("@")).removesuffix("\n").removesuffix("\r")


def _text(option: str, path: str) -> str:
    if path == "-":
        return sys.stdin.read()
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise typer.BadParameter(f"{option}: {path} cannot be read: {reason}") from None
