"""The names of HTTP status codes, which are part of what the API promises."""

from http import HTTPStatus

# Python 3.13 renamed these after RFC 9110. Codes of problems are made of the names, and are stable.
_RENAMED = {
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    416: "Requested Range Not Satisfiable",
    422: "Unprocessable Entity",
}


def phrase_of(status: int) -> str:
    """``Service Unavailable`` for 503; the same under every version of Python.

    Raises:
        ValueError: no phrase is registered for the status.
    """
    return _RENAMED.get(status) or HTTPStatus(status).phrase


def code_of(status: int) -> str:
    """The code of a problem that has no other than its status: ``service_unavailable``."""
    return phrase_of(status).lower().replace(" ", "_").replace("-", "_")
