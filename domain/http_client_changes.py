"""Changes of named HTTP clients: what is asked for, and what a client is afterwards."""

from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from domain.errors import InvalidRequestError
from domain.http_clients import (
    MAX_SECONDS,
    MIN_SECONDS,
    Basic,
    ClientCertificate,
    Frozen,
    HttpClient,
    OAuth2,
    Part,
    Proxy,
    TokenAuth,
    TrustStore,
)


class BasicDraft(Frozen):
    """Parts of `Basic`; None leaves one as it is."""

    user: str | None = None
    sealed_password: str | None = None


class OAuth2Draft(Frozen):
    """Parts of `OAuth2`; None leaves one as it is."""

    token_url: str | None = None
    client_id: str | None = None
    sealed_secret: str | None = None
    scope: str | None = None
    audience: str | None = None
    auth: TokenAuth | None = None


class HttpClientDraft(Frozen):
    """What is asked of a client, new or known; already checked and sealed by the gateway. None: as it is.

    Attributes:
        drop: parts that it shall not have any more.
    """

    name: str
    certificate: ClientCertificate | None = None
    trust: TrustStore | None = None
    basic: BasicDraft | None = None
    oauth2: OAuth2Draft | None = None
    proxy: Proxy | None = None
    connect_seconds: float | None = None
    total_seconds: float | None = None
    drop: tuple[Part, ...] = ()


def new_client(draft: HttpClientDraft, now: datetime) -> HttpClient:
    """The client as it is stored when added at ``now``; raises `InvalidRequestError`, see `apply_draft`."""
    return apply_draft(HttpClient(name=draft.name, created_at=now, updated_at=now, version=0), draft, now)


def apply_draft(client: HttpClient, draft: HttpClientDraft, now: datetime) -> HttpClient:
    """The client after a change at ``now``; the same object when the change alters nothing.

    Raises:
        InvalidRequestError: half of a credential, both Basic and OAuth2, or time limits out of range.
    """
    _check_kept(client, draft)
    update: dict[str, object] = dict.fromkeys(draft.drop)
    for field in ("certificate", "trust", "proxy", "connect_seconds", "total_seconds"):
        if (value := getattr(draft, field)) is not None:
            update[field] = value
    if draft.basic is not None:
        update["basic"] = _merged(Basic, client.basic, draft.basic, "Basic needs a user and a password")
    if draft.oauth2 is not None:
        needs = "OAuth2 needs a token URL, a client id and a client secret"
        update["oauth2"] = _merged(OAuth2, client.oauth2, draft.oauth2, needs)
    changed = client.model_copy(update=update)
    _check(changed)
    if changed == client and client.version:
        return client
    return changed.model_copy(update={"version": client.version + 1, "updated_at": now})


_Credential = TypeVar("_Credential", Basic, OAuth2)


def _merged(kind: type[_Credential], known: _Credential | None, draft: BaseModel, needs: str) -> _Credential:
    given = (known.model_dump() if known else {}) | draft.model_dump(exclude_none=True)
    missing = [name for name, field in kind.model_fields.items() if field.is_required() and name not in given]
    if missing:
        said = " and no ".join(missing).replace("sealed_", "").replace("_", " ")
        raise InvalidRequestError(reason=f"{needs}: there is no {said}")
    return kind(**given)


def _check_kept(client: HttpClient, draft: HttpClientDraft) -> None:
    """A secret is kept for the place that it was given for: to name another place would be a way to read it."""
    oauth2 = client.oauth2 if Part.OAUTH2 not in draft.drop else None
    moved = oauth2 and draft.oauth2 and draft.oauth2.token_url not in {None, oauth2.token_url}
    if moved and draft.oauth2 and not draft.oauth2.sealed_secret:
        raise InvalidRequestError(
            reason="the token URL changes: give the client secret for the new one with it",
            fix="With im: --oauth2-client-secret -, which reads standard input; in the API: client_secret.",
        )
    proxy = client.proxy if Part.PROXY not in draft.drop else None
    if proxy and proxy.sealed_credentials and draft.proxy and not draft.proxy.sealed_credentials:
        raise InvalidRequestError(reason="the proxy has credentials: give those for the new one, or drop it first")


def _check(client: HttpClient) -> None:
    if client.basic is not None and client.oauth2 is not None:
        raise InvalidRequestError(
            reason="a client has Basic or OAuth2, not both: each sets the header Authorization; drop one of them"
        )
    for what, option, seconds in (
        ("connect", "--connect-timeout", client.connect_seconds),
        ("total", "--timeout", client.total_seconds),
    ):
        if not MIN_SECONDS <= seconds <= MAX_SECONDS:
            raise InvalidRequestError(
                reason=f"the {what} time limit must be {MIN_SECONDS} to {MAX_SECONDS:.0f} s",
                fix=f"With im: {option}; in the API: {what}_seconds.",
            )
