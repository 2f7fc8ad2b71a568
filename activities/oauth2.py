"""Tokens of OAuth 2.0 client credentials (RFC 6749, 4.4).

One is fetched for all who wait, kept until shortly before it expires, and renewed when a receiver refuses it.
"""

import asyncio
import base64
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus, urlencode

from activities.background import retrieved
from activities.exchange import Answer, Request, Transport
from activities.transport_errors import LocalFault, TransportFault
from domain.event_errors import InvalidEventError
from domain.headers import USER_AGENT
from domain.http_clients import OAuth2, TokenAuth
from domain.outcomes import failure_of_status, is_retryable, status_text
from domain.strict_json import load_json

RENEWED_BEFORE_SECONDS = 30.0  # a token on its way to a receiver should not expire there
DEFAULT_LIFE_SECONDS = 300.0  # where the endpoint does not say (RFC 6749, 5.1 leaves it to the parties)
MAX_LIFE_SECONDS = 24 * 3600.0
MAX_TOKEN_RESPONSE_BYTES = 64 * 1024
MAX_TOKEN_CHARS = 16 * 1024

_TOKEN = re.compile(r"[\x21-\x7e]+")  # RFC 6749, appendix A.12 without the space, which no header value may end in
_SECONDS = re.compile(r"[0-9]{1,18}")
# RFC 6749, 5.2. Any other might be a secret that the endpoint repeats.
_ERROR_CODES = frozenset(
    "invalid_request invalid_client invalid_grant unauthorized_client unsupported_grant_type invalid_scope "
    "server_error temporarily_unavailable access_denied".split()
)


class TokenRefused(TransportFault):
    """The token endpoint says no, or answers with something that is no token: trying again will not help."""


class TokenUnavailable(TransportFault):
    """The token endpoint cannot say at the moment."""


@dataclass(frozen=True)
class Token:
    """A token, and when it is no longer used (monotonic seconds)."""

    value: str = field(repr=False)
    stale_at: float
    life_seconds: float


class TokenSource:
    """The tokens of one version of one HTTP client.

    Args:
        oauth2: where and how they are asked for.
        secret: the client secret, open.
        transport: of the same client, so that its proxy, trust and address policy hold for the endpoint too.
        seconds: a fetch may take, whoever waits for it.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        oauth2: OAuth2,
        secret: str,
        transport: Transport,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._oauth2 = oauth2
        self._secret = secret
        self._transport = transport
        self._seconds = seconds
        self._clock = clock
        self._token: Token | None = None
        self._fetching: asyncio.Task[Token] | None = None

    def cached(self) -> Token | None:
        """The token at hand, unless it is about to expire."""
        return self._token if self._token and self._clock() < self._token.stale_at else None

    async def token(self, refused: Token | None = None) -> Token:
        """A token that is not the ``refused`` one. All who wait share one fetch, and its failure; none is kept.

        Raises:
            TransportFault: `TokenRefused`, `TokenUnavailable`, or what the transport raises.
        """
        known = self.cached()
        if known is not None and known is not refused:
            return known
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(retrieved)
        return await asyncio.shield(self._fetching)

    async def _fetch(self) -> Token:
        began = self._clock()
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._transport.send(self._request())
                try:
                    body = await _read(answer)
                finally:
                    answer.close()
        except TimeoutError:
            raise TokenUnavailable(f"timeout: no token from the token endpoint within {self._seconds:g} s") from None
        except LocalFault:
            raise
        except TransportFault as error:
            error.args = (f"token endpoint: {error}",)
            raise
        value, life = _parsed(answer.status, body)
        self._token = Token(value, began + life - min(RENEWED_BEFORE_SECONDS, life / 2), life)
        return self._token

    def _request(self) -> Request:
        wanted = {"scope": self._oauth2.scope, "audience": self._oauth2.audience}
        form = {"grant_type": "client_credentials"} | {name: value for name, value in wanted.items() if value}
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": USER_AGENT,
        }
        if self._oauth2.auth is TokenAuth.POST:
            form |= {"client_id": self._oauth2.client_id, "client_secret": self._secret}
        else:  # both halves are form-encoded first: RFC 6749, 2.3.1
            headers["Authorization"] = basic(f"{quote_plus(self._oauth2.client_id)}:{quote_plus(self._secret)}")
        return Request("POST", self._oauth2.token_url, headers, urlencode(form).encode())


def basic(credentials: str) -> str:
    """The value of the header Authorization for ``user:password`` (RFC 7617)."""
    return "Basic " + base64.b64encode(credentials.encode()).decode()


async def _read(answer: Answer) -> bytes:
    body = bytearray()
    await answer.read_into(body, MAX_TOKEN_RESPONSE_BYTES + 1)
    if len(body) > MAX_TOKEN_RESPONSE_BYTES:
        raise TokenRefused(f"its answer is over {MAX_TOKEN_RESPONSE_BYTES // 1024} KiB")
    return bytes(body)


def _parsed(status: int, body: bytes) -> tuple[str, float]:
    """The token and its life in seconds; nothing of the body but a registered form of error code is told on."""
    try:
        found = load_json(body)
    except InvalidEventError:
        found = None
    members: dict[str, Any] = found if isinstance(found, dict) else {}
    if status != HTTPStatus.OK:
        raise _refusal(status, members)
    value, kind = members.get("access_token"), members.get("token_type")
    if not isinstance(value, str) or not _TOKEN.fullmatch(value) or len(value) > MAX_TOKEN_CHARS:
        raise TokenRefused("the token endpoint's answer has no usable access_token (RFC 6749, 5.1)")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise TokenRefused("the token endpoint's token_type is not Bearer")
    return value, _life(members.get("expires_in"))


def _refusal(status: int, members: dict[str, Any]) -> TransportFault:
    failure, said = failure_of_status(status), f"the token endpoint answered {status_text(status)}"
    if failure is not None and is_retryable(failure, status):
        return TokenUnavailable(said)
    code = members.get("error")
    if isinstance(code, str) and code in _ERROR_CODES:
        said += f": {code}"
    return TokenRefused(f"{said}. Check the HTTP client's token URL, client id, secret, scope and audience")


def _life(expires_in: object) -> float:
    """Seconds; some endpoints write the number as a string."""
    if expires_in is None:
        return DEFAULT_LIFE_SECONDS
    if isinstance(expires_in, str) and _SECONDS.fullmatch(expires_in):
        expires_in = int(expires_in)
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float) or expires_in < 0:
        raise TokenRefused("the token endpoint's expires_in is not a number of seconds")
    return float(min(expires_in, MAX_LIFE_SECONDS))
