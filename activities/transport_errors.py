"""What can go wrong between here and a receiver: one class for each thing a delivery tells apart."""

import errno
import os

from domain.outcomes import OWN_FAULT

_OF_THIS_MACHINE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})


class TransportFault(Exception):  # noqa: N818 - what a delivery meets and tells; errors of ours are in `domain.errors`
    """There is no answer, or no more of it."""


class NotConnected(TransportFault):
    """There was no connection, so the receiver was told nothing."""


class NoConnectionInTime(TransportFault):
    """There was no connection within the time for it."""


class ProxyFailed(TransportFault):
    """The proxy was not reached, or would not connect."""


class BrokenOff(TransportFault):
    """The connection ended before the answer did."""


class NotHttp(TransportFault):
    """What came was no answer of HTTP."""


class BlockedAddress(NotConnected):
    """The address policy refuses the address that the host resolved to."""

    def __init__(self, host: str) -> None:
        super().__init__("address refused")
        self.host = host


class NameNotResolved(NotConnected):
    """The host name has no address, or the resolver does not answer."""


class TlsNotVerified(NotConnected):
    """The receiver's certificate is not valid for the host, or not trusted."""


class CertificateRefused(NotConnected):
    """The receiver does not take the client certificate that it was shown, or asks for one."""


class LocalFault(TransportFault):
    """This machine cannot make the request (no file descriptor, no memory): it says nothing of the receiver."""


def own_fault(error: BaseException) -> LocalFault | None:
    """The fault of this machine that an error stands for; None for another's."""
    if isinstance(error, OSError) and error.errno in _OF_THIS_MACHINE:
        return LocalFault(f"{OWN_FAULT}: {error.strerror or os.strerror(error.errno)}")
    return None


def check_own_means() -> None:
    """Raise ``OSError`` where this machine cannot open a file: libraries then say anything else, or nothing at all.

    The resolver says that there is no such name, or a number that an earlier call has left behind; OpenSSL trusts
    nobody.
    """
    os.close(os.open(os.devnull, os.O_RDONLY))
