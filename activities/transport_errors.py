"""What can go wrong between here and a receiver, as httpx's errors: one class for each thing a delivery tells apart."""

import httpx


class BlockedAddress(httpx.ConnectError):
    """The address policy refuses the address that the host resolved to."""

    def __init__(self, host: str) -> None:
        super().__init__("address refused")
        self.host = host


class NameNotResolved(httpx.ConnectError):
    """The host name has no address, or the resolver does not answer."""


class TlsNotVerified(httpx.ConnectError):
    """The receiver's certificate is not valid for the host, or not trusted."""


class CertificateRefused(httpx.ConnectError):
    """The receiver does not take the client certificate that it was shown, or asks for one."""


class LocalFault(httpx.TransportError):
    """This machine cannot make the request (no file descriptor, no memory): it says nothing of the receiver."""
