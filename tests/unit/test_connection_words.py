"""What it is called when there is no answer."""

import errno
import os
import socket
import ssl

import pytest

from domain.connection_words import NAME_NOT_FOUND, reason_of


def _of(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "words of OpenSSL")
    error.reason = reason
    return error


def _unverified() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "words of OpenSSL")
    error.verify_message = ""
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (_of(errno.ECONNREFUSED), "connection refused"),
        (_of(errno.ECONNRESET), "connection reset"),
        (_of(errno.EPIPE), "connection reset"),
        (_of(errno.ENOTCONN), "connection reset"),
        (ConnectionResetError("Connection lost"), "connection reset"),
        (_of(errno.ENETUNREACH), "Network is unreachable"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), NAME_NOT_FOUND),
        (_tls("TLSV1_ALERT_PROTOCOL_VERSION"), "TLS handshake failed (TLSV1_ALERT_PROTOCOL_VERSION)"),
        (_tls(""), "TLS handshake failed"),
        (_unverified(), "TLS verification failed: certificate not trusted"),
        (OSError("without a number"), "connection failed"),
        (ValueError("no error of a connection"), "connection failed"),
    ],
    ids=repr,
)
def test_an_error_of_a_connection_is_called(error: Exception, said: str) -> None:
    assert reason_of(error) == said
