"""What sockets and TLS raise, as the errors of `activities.transport_errors`."""

import ssl

from activities.transport_errors import (
    BrokenOff,
    CertificateRefused,
    NotConnected,
    TlsNotVerified,
    TransportFault,
    own_fault,
)
from domain.connection_words import CLOSED_EARLY, reason_of, unverified

# OpenSSL's names of the alerts by which a server refuses a client certificate.
_CERTIFICATE_ALERTS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it asks for a client certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not take the client certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it says that the client certificate has expired",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "it says that the client certificate is revoked",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it does not take the client certificate",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "it does not take client certificates of that kind",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the CA of the client certificate",
    "TLSV1_ALERT_ACCESS_DENIED": "it knows the client certificate and lets it do nothing",
}


def not_connected(error: Exception) -> TransportFault:
    """The fault that an error stands for which kept a connection from being made."""
    if not isinstance(error, OSError) and isinstance(error.__context__, OSError):
        error = error.__context__  # asyncio stumbles over some, where TLS is spoken within TLS
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsNotVerified(unverified(error))
    return _common(error) or NotConnected(reason_of(error))


def broken_off(error: BaseException | None) -> TransportFault:
    """The fault that an error stands for which ended a connection; None: the other side closed it."""
    if error is None:
        return BrokenOff(CLOSED_EARLY)
    return _common(error) or BrokenOff(reason_of(error))


def _common(error: BaseException) -> TransportFault | None:
    if fault := own_fault(error):
        return fault
    # In TLS 1.3, what a server says of our certificate may come after the handshake (RFC 8446, 6.2).
    if isinstance(error, ssl.SSLError) and error.reason in _CERTIFICATE_ALERTS:
        return CertificateRefused(_CERTIFICATE_ALERTS[error.reason])
    return None
