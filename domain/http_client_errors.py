"""Errors of named HTTP clients. Part of the tree in `domain.errors`.

ImError
├── InvalidInputError
│   ├── InvalidCertificateError
│   └── UnknownHttpClientError
├── ConflictError
│   ├── HttpClientExistsError
│   └── HttpClientInUseError
└── NotFoundError
    └── HttpClientNotFoundError
"""

from domain.errors import ConflictError, InvalidInputError, NotFoundError


class InvalidCertificateError(InvalidInputError):
    """A certificate, key or trust store that cannot be used; nothing of a key is in the error."""

    code = "invalid_certificate"
    field = "certificate"
    says = "{what} cannot be used: {reason}"
    hint = "Give PEM: the certificate with its chain after it, the key that belongs to it, CA certificates."


class UnknownHttpClientError(InvalidInputError):
    """A subscriber names an HTTP client that does not exist."""

    code = "unknown_http_client"
    field = "http_client"
    says = "no HTTP client is named {name!r}"
    hint = "See the names with: im http-client list. Add it first: im http-client add {name} ..."


class HttpClientExistsError(ConflictError):
    """The name is taken."""

    code = "http_client_exists"
    says = "an HTTP client named {name!r} exists already"
    hint = "Choose another name, or change it: im http-client update {name} ..."


class HttpClientInUseError(ConflictError):
    """Subscribers are delivered to with it."""

    code = "http_client_in_use"
    says = "the HTTP client {name!r} is used by {subscribers}"
    hint = "Give them another first: im subscriber update SUBSCRIBER --http-client OTHER, or --no-http-client."


class HttpClientNotFoundError(NotFoundError):
    """No such HTTP client."""

    code = "http_client_not_found"
    says = "no HTTP client is named {name!r}"
    hint = "See the names with: im http-client list."
