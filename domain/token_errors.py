"""Errors of API tokens. Part of the tree in `domain.errors`.

ImError
├── AccessDeniedError           (of `domain.source_errors`)
│   ├── TokenMissingError
│   └── TokenRefusedError
├── ScopeMissingError           it is known who asks, and that they may not
├── RateLimitedError            try again, and not so often
├── InvalidInputError
│   └── InvalidScopeError
├── ConflictError
│   └── TokenExistsError
└── NotFoundError
    └── TokenNotFoundError
"""

from typing import Any

from domain.errors import ConflictError, ImError, InvalidInputError, NotFoundError
from domain.source_errors import AccessDeniedError

USUAL_SCOPE = "read"  # where it is not known what is asked for


class TokenMissingError(AccessDeniedError):
    """A request bears no token, or not in the way of RFC 6750."""

    code = "unauthorized"
    says = "the token is missing: it is sent in one Authorization header, whose scheme is Bearer"
    hint = "Send it as Authorization: Bearer TOKEN. Make one: im token create NAME --scope {scope}"

    def __init__(self, **data: Any) -> None:
        super().__init__(**({"scope": USUAL_SCOPE} | data))


class TokenRefusedError(AccessDeniedError):
    """A request bears a token that does not count, or no longer; what it bears is never in the error."""

    code = "invalid_token"
    says = "the token is refused: {reason}"
    hint = "See the tokens that count with im token list; make one: im token create NAME --scope {scope}"

    def __init__(self, **data: Any) -> None:
        super().__init__(**({"scope": USUAL_SCOPE} | data))


class ScopeMissingError(ImError):
    """A token does not have the scope that a request needs."""

    code = "insufficient_scope"
    says = "the token {name!r} does not have the scope {scope!r}, which this needs"
    hint = "Scopes of a token do not change. Make one that has it: im token create NAME --scope {scope}"


class RateLimitedError(ImError):
    """A token is used more often than it may be."""

    code = "rate_limited"
    says = "the token {name!r} may make {rate} requests to each process, and has made more"
    hint = "Try again in {seconds} s. A token with another limit: im token create NAME --rate-limit 100/s"


class InvalidScopeError(InvalidInputError):
    """Scopes that a token cannot have."""

    code = "invalid_scope"
    says = "the scopes cannot be used: {reason}"
    hint = "Scopes are read, publish, manage, and ingest:CLUSTER for records of a Zeebe cluster."
    field = "scopes"


class TokenExistsError(ConflictError):
    """The name is taken."""

    code = "token_exists"
    says = "a token named {name!r} exists already"
    hint = "Choose another name, or revoke it first: im token revoke {name}"


class TokenNotFoundError(NotFoundError):
    """No such token."""

    code = "token_not_found"
    says = "no token is named {name!r}"
    hint = "See the names with: im token list."
