"""What it is called when no answer comes: the same words in deliveries, tests of HTTP clients and `im listen`."""

import errno
import socket
import ssl

CLOSED_EARLY = "connection closed before an answer"
NAME_NOT_FOUND = "host name not found"
TLS_NOT_VERIFIED = "TLS verification failed: "  # the reason follows
# OpenSSL's words for it; those before 3.0 write "self signed".
_UNKNOWN_CA = ("self-signed certificate", "self signed certificate", "issuer certificate")
NOT_HTTP = ": not HTTP"  # what came instead stands before it


def not_in_time(seconds: float) -> str:
    """That the time limit of so many seconds passed without an answer."""
    return f"timeout: no answer within {seconds:g} s"


def reason_of(error: BaseException) -> str:
    """Why a socket or TLS failed, by what it raised."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return NAME_NOT_FOUND
    lost = isinstance(error, ConnectionResetError | BrokenPipeError)  # asyncio raises some without a number
    if lost or (isinstance(error, OSError) and error.errno == errno.ENOTCONN):
        return "connection reset"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{TLS_NOT_VERIFIED}{unverified(error)}"
    if isinstance(error, ssl.SSLError):
        return f"TLS handshake failed ({error.reason})" if error.reason else "TLS handshake failed"
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or "connection failed"


def unverified(error: ssl.SSLCertVerificationError) -> str:
    """Why the certificate of the other side is not valid for it, or not trusted."""
    return error.verify_message or "certificate not trusted"


def is_of_unknown_ca(error: str | None) -> bool:
    """Whether an error says that nobody here knows the CA of the other side's certificate."""
    return (error or "").startswith(TLS_NOT_VERIFIED) and any(words in (error or "") for words in _UNKNOWN_CA)
