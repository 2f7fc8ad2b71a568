"""The two time limits of an HTTP client beside each other.

Asked of what somebody gives, before it is stored; what is stored already stays, and its total limit ends requests.
"""

from domain.errors import InvalidRequestError
from domain.http_client_changes import HttpClientDraft
from domain.http_clients import MAX_SECONDS, HttpClient


def check_limits(connect: float, total: float) -> None:
    """Raise `InvalidRequestError` for a limit to connect that the total one never lets come about.

    Args:
        connect: seconds; 10, the default, is no limit of its own beside a shorter total one.
        total: seconds, for a whole request.
    """
    if total < connect != MAX_SECONDS:
        raise InvalidRequestError(
            reason=f"the connect time limit ({connect:g} s) is longer than that of the whole request ({total:g} s), "
            "which ends the request first: give a shorter one to connect, or 10 for none of its own"
        )


def limits_of(client: HttpClient) -> tuple[float, float]:
    """Of a client: to connect, and for a whole request, in seconds."""
    return client.connect_seconds, client.total_seconds


def gives_limits(draft: HttpClientDraft) -> bool:
    """Whether a draft says something of them."""
    return draft.connect_seconds is not None or draft.total_seconds is not None


def check_draft(draft: HttpClientDraft, known: HttpClient | None) -> None:
    """The same of a client to add, or to change: what the draft leaves out is as it is."""
    connect = draft.connect_seconds or (known.connect_seconds if known else MAX_SECONDS)
    total = draft.total_seconds or (known.total_seconds if known else MAX_SECONDS)
    check_limits(connect, total)
