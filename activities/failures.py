"""What a request met, classed and in words."""

from activities.oauth2 import TokenRefused, TokenUnavailable
from activities.transport_errors import (
    BlockedAddress,
    CertificateRefused,
    NameNotResolved,
    NoConnectionInTime,
    NotHttp,
    TlsNotVerified,
    TransportFault,
)
from domain.alarm_errors import InvalidNotificationError
from domain.connection_words import NOT_HTTP, TLS_NOT_VERIFIED, not_in_time
from domain.errors import BlockedAddressError, ImError, InvalidUrlError, SealingKeyError
from domain.http_client_errors import InvalidCertificateError
from domain.outcomes import Failure
from domain.targets.errors import AppriseMissingError, InvalidNotifyError

REFUSALS: tuple[tuple[type[ImError], Failure], ...] = (
    (SealingKeyError, Failure.SEALING_KEY),
    (InvalidCertificateError, Failure.CLIENT_CERTIFICATE),
    (InvalidNotifyError, Failure.UNUSABLE_TARGET),
    (AppriseMissingError, Failure.UNUSABLE_TARGET),
    (InvalidNotificationError, Failure.UNSAYABLE),
    (InvalidUrlError, Failure.BLOCKED_ADDRESS),
    (BlockedAddressError, Failure.BLOCKED_ADDRESS),
)
_FAILURES: tuple[tuple[type[TransportFault], Failure], ...] = (
    (BlockedAddress, Failure.BLOCKED_ADDRESS),
    (NameNotResolved, Failure.DNS),
    (TlsNotVerified, Failure.TLS),
    (CertificateRefused, Failure.CLIENT_CERTIFICATE),
    (TokenRefused, Failure.TOKEN_REFUSED),
    (TokenUnavailable, Failure.TOKEN_UNAVAILABLE),
    (NoConnectionInTime, Failure.TIMEOUT),
    (NotHttp, Failure.INVALID_RESPONSE),
    (TransportFault, Failure.CONNECTION),
)

_WORDS: tuple[tuple[type[Exception], tuple[str, str]], ...] = (
    (TlsNotVerified, (TLS_NOT_VERIFIED, "")),
    (CertificateRefused, ("client certificate refused: ", "")),
    (NotHttp, ("", NOT_HTTP)),
    (Exception, ("", "")),
)


def failure_of(error: Exception) -> Failure:
    """The class of a time limit, or of what a transport raised."""
    if isinstance(error, TimeoutError):
        return Failure.TIMEOUT
    return next(failure for kind, failure in _FAILURES if isinstance(error, kind))


def refused(error: ImError) -> tuple[Failure, str]:
    """The class of a request that was not made, and why, with advice where the one who reads it can act on it."""
    failure = next(failure for kind, failure in REFUSALS if isinstance(error, kind))
    told = isinstance(error, (BlockedAddressError, AppriseMissingError))
    return failure, f"{error}. {error.advice}" if told else str(error)


def in_words(error: Exception, seconds: float) -> str:
    """What a time limit of so many seconds, or a transport's error, is called in an attempt."""
    if isinstance(error, TimeoutError):
        return not_in_time(seconds)
    if isinstance(error, NoConnectionInTime):
        return "timeout: no connection within the HTTP client's connect timeout"
    if isinstance(error, BlockedAddress):
        return refused(BlockedAddressError(host=error.host))[1]
    prefix, suffix = next(words for kind, words in _WORDS if isinstance(error, kind))
    return f"{prefix}{error}{suffix}"
