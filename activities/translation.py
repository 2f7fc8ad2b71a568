"""What aiohttp and sockets raise, as the errors of `activities.transport_errors`. Only who sends loads aiohttp."""

import errno
import ssl

import aiohttp

from activities.transport_errors import (
    BlockedAddress,
    BrokenOff,
    CertificateRefused,
    NameNotResolved,
    NoConnectionInTime,
    NotConnected,
    NotHttp,
    ProxyFailed,
    TlsNotVerified,
    TransportFault,
    own_fault,
)
from domain.outcomes import status_text

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


class EndlessAnswer(aiohttp.ClientConnectionError):
    """More bytes came than any answer may have, whatever they were: interim answers, or the framing of chunks."""


class BlockedError(OSError):
    """Travels through aiohttp from the guard to `GuardedTransport`."""


def translated(error: Exception) -> TransportFault:
    """The fault that says what an aiohttp or socket error means for a delivery."""
    if fault := own_fault(getattr(error, "os_error", error)):
        return fault
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return TlsNotVerified(_certificate_reason(error.certificate_error))
    if alert := _certificate_alert(error):
        return CertificateRefused(alert)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return NoConnectionInTime("no connection in time")
    if isinstance(error, aiohttp.ClientConnectorError):
        return _not_connected(error)
    return _broken_off(error)


def _broken_off(error: Exception) -> TransportFault:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return ProxyFailed(f"the proxy answered {status_text(error.status)}")
    if isinstance(error, (aiohttp.ClientResponseError, aiohttp.ClientPayloadError)):
        return NotHttp("invalid response")
    if isinstance(error, EndlessAnswer):
        return BrokenOff("the answer does not begin: more than 1 MiB came before it")
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return BrokenOff("connection closed before an answer")
    return BrokenOff(_os_reason(error))


def _not_connected(error: aiohttp.ClientConnectorError) -> TransportFault:
    if isinstance(error.os_error, BlockedError):
        return BlockedAddress(str(error.os_error))
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return ProxyFailed(f"the proxy is not reached: {_os_reason(error.os_error)}")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NameNotResolved("host name not found")
    return NotConnected(_os_reason(error.os_error))


def _certificate_reason(error: Exception) -> str:
    return getattr(error, "verify_message", "") or "certificate not trusted"


def _certificate_alert(error: BaseException | None) -> str | None:
    """What the other side said of our certificate, in a TLS alert (RFC 8446, 6.2); it may come after the handshake."""
    while error is not None:
        cause = getattr(error, "os_error", error)
        if isinstance(cause, ssl.SSLError) and cause.reason in _CERTIFICATE_ALERTS:
            return _CERTIFICATE_ALERTS[cause.reason]
        error = error.__cause__
    return None


def _os_reason(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, OSError) and error.errno == errno.ECONNRESET:  # aiohttp has classes of its own for it
        return "connection reset"
    if isinstance(error, ssl.SSLError):
        return f"TLS handshake failed ({error.reason})" if error.reason else "TLS handshake failed"
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or "connection failed"
