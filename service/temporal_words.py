"""What the SDK says of Temporal and of the way there, in words, and what to do about it."""

from domain.errors import TemporalUnavailableError

TLS_FIX = "Set TEMPORAL_TLS_* and TEMPORAL_API_KEY as that server wants them; if it is just starting, try again."
ENDED = "it ends the connection: the TLS settings may not fit"

# What the SDK's transport says; the first that fits.
_SIGNS = {
    "Connection refused": "connection refused",
    "dns error": "its host name is not found",
    "invalid port": "that is not host:port",
    "InvalidUri": "that is not host:port",
    "Unimplemented": "something answers there, but not Temporal",
    "h2 protocol error": "something answers there, but not Temporal",
    "ConnectError": "no connection",
}
# The same where a connection was made, and not agreed on.
_TLS_SIGNS = {
    "InvalidContentType": "TLS is on here, and it speaks none",
    "UnknownIssuer": "its certificate is not trusted",
    "NotValidForName": "its certificate is for another name",
    "InvalidCertificate": "its certificate is not valid",
    "CertificateRequired": "it asks for a client certificate",
    "PrivateKeyParseError": "the key of the client certificate cannot be read",
    "AlertReceived": "it refuses the TLS connection",
    "fatal alert": "it refuses the TLS connection",
    "Connection reset": ENDED,
    'message: "transport error"': ENDED,
    'message: "operation was canceled"': ENDED,
}


def brief(error: BaseException) -> str:
    """What went wrong, in some words."""
    return _meaning(error, _SIGNS) or (str(error).splitlines()[0] if str(error) else type(error).__name__)[:200]


def no_connection(error: BaseException, address: str, namespace: str) -> TemporalUnavailableError:
    """The error where a connection could not be made."""
    tls = _meaning(error, _TLS_SIGNS)
    return TemporalUnavailableError(
        address=address, namespace=namespace, reason=tls or brief(error), fix=TLS_FIX if tls else None
    )


def _meaning(error: BaseException, signs: dict[str, str]) -> str | None:
    return next((meaning for sign, meaning in signs.items() if sign in str(error)), None)
