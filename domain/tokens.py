"""API tokens: what one looks like, what it may do, and what is stored of it.

A token is ``im_``, 256 random bits in base 62, and a CRC-32 of them likewise, as GitHub's are: scanners find one in a
repository by its look and tell it from noise by its checksum, without asking anybody.

What is stored is its SHA-256. A slow hash protects what people choose, by making each guess dear; nobody guesses 256
random bits, and a slow hash would cost every request a tenth of a second.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.rates import Rate
from domain.token_errors import InvalidScopeError

PREFIX = "im_"
RANDOM_BYTES = 32
MAX_SCOPES = 20
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_LENGTH = 43  # 62 ** 43 > 2 ** 256
_CHECK_LENGTH = 6  # 62 ** 6 > 2 ** 32
_FORM = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{_SECRET_LENGTH}}})([0-9A-Za-z]{{{_CHECK_LENGTH}}})")
_INGEST = "ingest:"
_INGEST_FORM = re.compile(rf"{_INGEST}[A-Za-z0-9][A-Za-z0-9._-]{{0,62}}")  # what a cluster's name may be


class Scope(StrEnum):
    """What a token may do; none includes another. Besides these there is ``ingest:<cluster>``, for each cluster."""

    READ = "read"
    PUBLISH = "publish"
    MANAGE = "manage"


class ApiToken(BaseModel):
    """What is known of a token.

    Attributes:
        token_hash: SHA-256 of it, in hexadecimal.
        scopes: see `parse_scopes`.
        expires_at: it is refused from then on; None: never.
        rate: of its requests, in each process that serves the API; None: any.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    token_hash: str
    scopes: tuple[str, ...]
    expires_at: datetime | None = None
    rate: Rate | None = None
    created_at: datetime

    def may(self, scope: str) -> bool:
        """Whether it has a scope."""
        return scope in self.scopes


class TokenUses(BaseModel):
    """When tokens were last used, by name; no finer than a minute."""

    at: dict[str, datetime] = {}


def make_token(random: bytes) -> str:
    """The token of 32 random bytes, which the caller supplies: ``im_`` and 49 letters and digits."""
    secret = _base62(int.from_bytes(random[:RANDOM_BYTES]), _SECRET_LENGTH)
    return f"{PREFIX}{secret}{_checksum(secret)}"


def is_damaged(text: str) -> bool:
    """Whether a text is meant to be a token of ours and cannot be one: cut off, or mistyped."""
    if not text.startswith(PREFIX):
        return False
    found = _FORM.fullmatch(text)
    return found is None or _checksum(found[1]) != found[2]


def ingest_scope(cluster: str) -> str:
    """The scope of posting records as a Zeebe cluster."""
    return f"{_INGEST}{cluster}"


def clusters_of(scopes: Sequence[str]) -> list[str]:
    """The clusters that scopes let post records."""
    return [scope.removeprefix(_INGEST) for scope in scopes if scope.startswith(_INGEST)]


def without_cluster(tokens: Mapping[str, ApiToken], cluster: str) -> dict[str, ApiToken | None]:
    """The tokens that may post as a cluster, as they are without that; None for one that may do nothing else."""
    scope, left = ingest_scope(cluster), {}
    for name in sorted(name for name, token in tokens.items() if token.may(scope)):
        scopes = tuple(each for each in tokens[name].scopes if each != scope)
        left[name] = tokens[name].model_copy(update={"scopes": scopes}) if scopes else None
    return left


def parse_scopes(given: Sequence[str]) -> tuple[str, ...]:
    """``read``, ``publish``, ``manage`` and ``ingest:<cluster>``, each once, in this order.

    Raises:
        InvalidScopeError: for none, more than 20, or anything else; whether the cluster exists is not asked here.
    """
    found = {scope.strip() for scope in given}
    if not 1 <= len(found) <= MAX_SCOPES:
        raise InvalidScopeError(reason=f"a token has 1 to {MAX_SCOPES} scopes")
    plain = [scope.value for scope in Scope if scope in found]
    clusters = sorted(scope for scope in found if _INGEST_FORM.fullmatch(scope))
    if unknown := sorted(found.difference(plain, clusters)):
        raise InvalidScopeError(reason=f"there is no scope {unknown[0][:80]!r}")
    return (*plain, *clusters)


def _checksum(secret: str) -> str:
    return _base62(zlib.crc32(secret.encode()), _CHECK_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, rest = divmod(number, len(_DIGITS))
        digits = _DIGITS[rest] + digits
    return digits
